import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  explainTlsError,
  makeCustomClientFactory,
  sseClient,
  streamableHttpClient,
} from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import { MemoryOAuthProvider, type OAuthWorld, startOAuthWorld } from '../support/oauth-world.js';

/**
 * The whole OAuth flow of SDK v1 through our transports: the MCP server and its authorization server
 * are two origins with two self-signed certificates, and the global fetch throws.
 */

const globalFetch = globalThis.fetch;
let world: OAuthWorld;
let mcpPem: string;
let authorizationPem: string;

beforeEach(async () => {
  const [mcp, authorizationServer] = [await heldCertificate(), await heldCertificate()];
  mcpPem = mcp.pem;
  authorizationPem = authorizationServer.pem;
  world = await startOAuthWorld({ mcp, authorizationServer });
  globalThis.fetch = () => {
    throw new Error('the global fetch was used');
  };
});
afterEach(async () => {
  globalThis.fetch = globalFetch;
  await world[Symbol.asyncDispose]();
});

const makeTransport = {
  'streamable http': streamableHttpClient,
  sse: (url: string, options: Parameters<typeof sseClient>[1]) =>
    sseClient(url.replace(/mcp$/, 'sse'), options),
};

const newClient = () => new Client({ name: 'oauth-test', version: '1' });

describe.each(Object.entries(makeTransport))('over %s', (_name, make) => {
  const options = (authProvider: MemoryOAuthProvider) => ({
    authProvider,
    trust: mcpPem,
    origins: { [world.authorizationServer.url]: authorizationPem },
  });

  async function authorize(authProvider: MemoryOAuthProvider): Promise<Client> {
    const transport = make(world.mcpUrl, options(authProvider));
    const refused = await newClient()
      .connect(transport)
      .catch((e) => e);
    expect(refused).toBeInstanceOf(UnauthorizedError);
    // By now the SDK has closed the transport; its pool is made anew for this.
    await transport.finishAuth(world.agree(authProvider.authorizationUrl as URL));
    await transport.close();
    const client = newClient();
    await client.connect(make(world.mcpUrl, options(authProvider)));
    // Its GET stream opens beside, and would compete for the one refresh token.
    await expect
      .poll(() => world.mcp.records.requests.map(({ method }) => method))
      .toContain('GET');
    await new Promise((resolve) => setTimeout(resolve, 50));
    return client;
  }

  const add = async (client: Client) =>
    (await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).content;

  it('discovers, registers, gets a token after close, and calls a tool', async () => {
    const provider = new MemoryOAuthProvider();
    const client = await authorize(provider);
    expect(await add(client)).toEqual([{ type: 'text', text: '5' }]);
    expect(world.grants).toEqual(['authorization_code']);
    await client.close();
  });

  it('refreshes a token that is no longer taken', async () => {
    const provider = new MemoryOAuthProvider();
    const client = await authorize(provider);
    world.expireAccessTokens();
    expect(await add(client)).toEqual([{ type: 'text', text: '5' }]);
    expect(world.grants).toEqual(['authorization_code', 'refresh_token']);
    await client.close();
  });

  it('understands invalid_grant: forgets the tokens and asks the user again', async () => {
    const provider = new MemoryOAuthProvider();
    const client = await authorize(provider);
    provider.authorizationUrl = undefined;
    world.expireAccessTokens();
    world.revokeRefreshTokens();
    await expect(add(client)).rejects.toBeInstanceOf(UnauthorizedError);
    expect(world.grants.at(-1)).toBe('refresh_token: invalid_grant');
    expect(provider.invalidated).toEqual(['tokens']);
    expect(provider.authorizationUrl).toBeInstanceOf(URL);
    await client.close();
  });

  it('says so when the authorization server is the one that is not trusted', async () => {
    const authProvider = new MemoryOAuthProvider();
    const transport = make(world.mcpUrl, { authProvider, trust: mcpPem });
    const error = await newClient()
      .connect(transport)
      .catch((e) => e);
    expect(explainTlsError(error)).toMatchObject({
      code: 'MCP_TLS_ADDRESS_REFUSED',
      port: world.authorizationServer.port,
      hint: expect.stringContaining(`origins: { '${world.authorizationServer.url}': certificate }`),
    });
    expect(world.authorizationServer.records.connections).toBe(0);
    await transport.close();
  });

  it('goes through an injected factory as well', async () => {
    const factory = makeCustomClientFactory([mcpPem, authorizationPem].join(''));
    let made = 0;
    const clientFactory = () => {
      made++;
      return factory();
    };
    const authProvider = new MemoryOAuthProvider();
    const transport = make(world.mcpUrl, { authProvider, clientFactory });
    await newClient()
      .connect(transport)
      .catch(() => {});
    await transport.finishAuth(world.agree(authProvider.authorizationUrl as URL));
    expect(authProvider.tokens()?.access_token).toBeTypeOf('string');
    expect(made).toBeGreaterThanOrEqual(2);
    await transport.close();
    await factory.close();
  });

  it('keeps headers and auth of the MCP server from the authorization server', async () => {
    const authProvider = new MemoryOAuthProvider();
    const headers = { 'x-api-key': 'only for the mcp server' };
    const transport = make(world.mcpUrl, { ...options(authProvider), headers });
    await newClient()
      .connect(transport)
      .catch(() => {});
    expect(world.mcp.records.requests[0]?.headers).toHaveProperty('x-api-key');
    expect(world.authorizationServer.records.requests.length).toBeGreaterThan(0);
    for (const request of world.authorizationServer.records.requests) {
      expect(request.headers).not.toHaveProperty('x-api-key');
    }
    await transport.close();
  });
});
