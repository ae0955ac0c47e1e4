import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { FetchLike } from 'mcp-tls/core';
import type { SdkProviders } from './oauth-providers.js';

const INFO = { name: 'mcp-tls-conformance', version: '1.0.0' };
const CAPABILITIES = { elicitation: { form: { applyDefaults: true } } };

type LinkTransport = Transport & { finishAuth(code: string): Promise<void> };

/** As much of a client as the scenarios use. */
export interface ConformanceClient {
  connect(transport: LinkTransport): Promise<void>;
  listTools(): Promise<unknown>;
  callTool(name: string, args: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

/** An MCP SDK under test. */
export interface ConformanceSdk {
  readonly providers: SdkProviders;
  readonly UnauthorizedError: new (...args: never[]) => Error;
  makeClient(): ConformanceClient;
  makeTransport(
    url: string,
    clientFactory: () => FetchLike,
    authProvider: OAuthClientProvider | undefined,
  ): LinkTransport;
}

export async function loadSdk(name: string): Promise<ConformanceSdk> {
  if (name === 'v1') return loadV1();
  if (name === 'v2-legacy') return loadV2('legacy');
  if (name === 'v2-auto') return loadV2('auto');
  throw new Error(`unknown SDK '${name}'`);
}

async function loadV1(): Promise<ConformanceSdk> {
  const { UnauthorizedError } = await import('@modelcontextprotocol/sdk/client/auth.js');
  const providers = await import('@modelcontextprotocol/sdk/client/auth-extensions.js');
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const { streamableHttpClient } = await import('mcp-tls');
  return {
    providers,
    UnauthorizedError,
    makeClient() {
      const client = new Client(INFO, { capabilities: CAPABILITIES });
      // Accepted without a word: the SDK fills in the defaults (SEP-1034).
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
      return asked(client);
    },
    makeTransport: (url, clientFactory, authProvider) =>
      streamableHttpClient(url, {
        clientFactory,
        ...(authProvider && { authProvider }),
      }) as LinkTransport,
  };
}

async function loadV2(mode: 'legacy' | 'auto'): Promise<ConformanceSdk> {
  const sdk = await import('@modelcontextprotocol/client');
  const { streamableHttpClient } = await import('mcp-tls/v2');
  return {
    // Declared over types of their own, with the same fields.
    providers: sdk as unknown as SdkProviders,
    UnauthorizedError: sdk.UnauthorizedError,
    makeClient() {
      const client = new sdk.Client(INFO, {
        capabilities: CAPABILITIES,
        versionNegotiation: { mode },
      });
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }));
      return asked(client as never);
    },
    makeTransport: (url, clientFactory, authProvider) =>
      streamableHttpClient(url, {
        clientFactory,
        ...(authProvider && { authProvider: authProvider as never }),
        // Its metadata names another issuer than the URL that it is at, which the SDK v2 refuses by itself.
        ...(process.env['MCP_CONFORMANCE_SCENARIO']?.endsWith('oauth-metadata-backcompat') && {
          skipIssuerMetadataValidation: true,
        }),
      }) as unknown as LinkTransport,
  };
}

interface SdkClient extends Omit<ConformanceClient, 'callTool'> {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
}

function asked(client: SdkClient): ConformanceClient {
  return {
    connect: (transport) => client.connect(transport),
    listTools: () => client.listTools(),
    callTool: (name, args) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
}
