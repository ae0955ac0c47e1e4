import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { FetchLike } from 'mcp-tls/core';
import type { SdkProviders } from './oauth-providers.js';

const INFO = { name: 'mcp-tls-conformance', version: '1.0.0' };
const CAPABILITIES = { elicitation: { form: { applyDefaults: true } } };

type LinkTransport = Transport & { finishAuth(given: never): Promise<void> };

/** As much of a client as the scenarios use. */
export interface ConformanceClient {
  connect(transport: LinkTransport): Promise<void>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(name: string, args: Record<string, unknown>): Promise<unknown>;
  /** Reads the first resource and the first prompt. */
  readOthers(): Promise<void>;
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
  finishAuth(transport: LinkTransport, callback: URLSearchParams): Promise<void>;
}

/** @param isControl over the SDK's own transport and the fetch of Node.js, without this library */
export async function loadSdk(name: string, isControl: boolean): Promise<ConformanceSdk> {
  if (name === 'v1') return loadV1(isControl);
  if (name === 'v2-legacy') return loadV2('legacy', isControl);
  if (name === 'v2-auto') return loadV2('auto', isControl);
  if (name === 'v2-modern') return loadV2({ pin: '2026-07-28' }, isControl);
  throw new Error(`unknown SDK '${name}'`);
}

async function loadV1(isControl: boolean): Promise<ConformanceSdk> {
  const { UnauthorizedError } = await import('@modelcontextprotocol/sdk/client/auth.js');
  const providers = await import('@modelcontextprotocol/sdk/client/auth-extensions.js');
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const { StreamableHTTPClientTransport } = await import(
    '@modelcontextprotocol/sdk/client/streamableHttp.js'
  );
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
    makeTransport: (url, clientFactory, authProvider) => {
      const own = authProvider && { authProvider };
      if (isControl) return new StreamableHTTPClientTransport(new URL(url), own) as LinkTransport;
      return streamableHttpClient(url, { clientFactory, ...own }) as LinkTransport;
    },
    finishAuth: (transport, callback) => transport.finishAuth(callback.get('code') as never),
  };
}

async function loadV2(
  mode: 'legacy' | 'auto' | { pin: string },
  isControl: boolean,
): Promise<ConformanceSdk> {
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
    makeTransport: (url, clientFactory, authProvider) => {
      const own = {
        ...(authProvider && { authProvider: authProvider as never }),
        // Its metadata names another issuer than the URL that it is at, which the SDK v2 refuses by itself.
        ...(process.env['MCP_CONFORMANCE_SCENARIO']?.endsWith('oauth-metadata-backcompat') && {
          skipIssuerMetadataValidation: true,
        }),
      };
      const transport = isControl
        ? new sdk.StreamableHTTPClientTransport(new URL(url), own)
        : streamableHttpClient(url, { clientFactory, ...own });
      return transport as unknown as LinkTransport;
    },
    finishAuth: (transport, callback) => transport.finishAuth(callback as never),
  };
}

interface SdkClient extends Omit<ConformanceClient, 'callTool' | 'readOthers'> {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  listResources(): Promise<{ readonly resources: readonly { readonly uri: string }[] }>;
  readResource(params: { uri: string }): Promise<unknown>;
  listPrompts(): Promise<{ readonly prompts: readonly { readonly name: string }[] }>;
  getPrompt(params: { name: string }): Promise<unknown>;
}

function asked(client: SdkClient): ConformanceClient {
  return {
    connect: (transport) => client.connect(transport),
    listTools: () => client.listTools(),
    callTool: (name, args) => client.callTool({ name, arguments: args }),
    async readOthers() {
      const [resource] = (await client.listResources()).resources;
      if (resource !== undefined) await client.readResource({ uri: resource.uri });
      const [prompt] = (await client.listPrompts()).prompts;
      if (prompt !== undefined) await client.getPrompt({ name: prompt.name });
    },
    close: () => client.close(),
  };
}
