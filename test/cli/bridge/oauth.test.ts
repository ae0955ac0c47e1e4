import {
  Client as ClientV2,
  StreamableHTTPClientTransport as OverV2,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { describe, expect, it } from 'vitest';
import { startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import { heldCertificate, startTlsServer } from '../../../src/testing/index.js';
import { MemoryOAuthProvider } from '../../support/oauth-world.js';
import { startOAuthServer } from '../support/oauth-server.js';

/** A login over the http bridge, at a server whose certificate only the bridge trusts. */

const SDKS = {
  v1: (url: URL, authProvider: MemoryOAuthProvider) => ({
    client: new Client({ name: 'test', version: '1' }),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  v2: (url: URL, authProvider: MemoryOAuthProvider) => ({
    client: new ClientV2({ name: 'test', version: '1' }) as unknown as Client,
    transport: new OverV2(url, { authProvider: authProvider as never }) as unknown as Transport,
  }),
};

describe.each(['v1', 'v2'] as const)('a client of the SDK %s over the http bridge', (sdk) => {
  it('logs in at a server that is its own authorization server, and means its resource', async () => {
    const certificate = await heldCertificate();
    await using server = await startOAuthServer(certificate);
    const bridge = await startHttpBridge({ url: server.mcpUrl, trust: certificate.pem });
    const provider = new MemoryOAuthProvider();
    const first = SDKS[sdk](new URL(bridge.url), provider);
    await expect(first.client.connect(first.transport as Transport)).rejects.toThrow(
      /unauthorized/i,
    );

    const shown = provider.authorizationUrl as URL;
    expect(shown.origin).toBe(new URL(bridge.url).origin);
    const { status, headers } = await fetch(shown, { redirect: 'manual' });
    expect(status).toBe(302);
    const atServer = new URL(headers.get('location') ?? '');
    expect(atServer.origin + atServer.pathname).toBe(`${server.tls.url}/as/authorize`);
    expect(atServer.searchParams.get('resource')).toBe(server.mcpUrl);
    expect(atServer.href).not.toContain(bridge.token);

    const { transport } = first as { transport: StreamableHTTPClientTransport };
    await transport.finishAuth(server.agree(atServer));
    expect(server.resources).toEqual([server.mcpUrl]);
    const second = SDKS[sdk](new URL(bridge.url), provider);
    await second.client.connect(second.transport as Transport);
    expect((await second.client.listTools()).tools.length).toBeGreaterThan(3);
    await second.client.close();
    await bridge.close();
    const sent = JSON.stringify(server.tls.records.requests);
    expect(sent).not.toContain(bridge.token);
  });
});

describe('the http bridge, of a client that has read the documents over an earlier one', () => {
  it('carries what it sends to the endpoints in them, and to no others', async () => {
    const certificate = await heldCertificate();
    await using server = await startOAuthServer(certificate);
    const token = 'a-token-that-was-chosen';
    const bridge = await startHttpBridge({ url: server.mcpUrl, trust: certificate.pem, token });
    const base = `${new URL(bridge.url).origin}/${token}`;
    const ask = (path: string) =>
      fetch(`${base}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ resource: bridge.url }),
      });
    expect((await ask('/as/secrets')).status).toBe(404);
    expect(await (await ask('/as/token')).json()).toEqual({ error: 'invalid_target' });
    expect(server.resources).toEqual([server.mcpUrl]);
    await bridge.close();
    const asked = server.tls.records.requests.map(({ url }) => url);
    expect(asked).not.toContain('/as/secrets');
  });
});

describe('the http bridge, of documents about authorization', () => {
  it('names itself where they name the server, and leaves other origins alone', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({
      certificate,
      onRequest: (_, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({
            resource: `${server.url}/mcp`,
            authorization_servers: [server.url, `${server.url}/`, 'https://auth.example/x', 5],
            issuer: server.url,
            token_endpoint: `${server.url}.evil.example/token`,
            jwks_uri: 'not a url',
            signed_metadata: 'x',
            authorization_response_iss_parameter_supported: true,
          }),
        );
      },
    });
    const bridge = await startHttpBridge({ url: `${server.url}/mcp`, trust: certificate.pem });
    const { origin } = new URL(bridge.url);
    const own = `${origin}/${bridge.token}`;
    const at = `${origin}/.well-known/oauth-protected-resource/${bridge.token}/mcp`;
    expect(await (await fetch(at)).json()).toEqual({
      resource: bridge.url,
      authorization_servers: [own, `${own}/`, 'https://auth.example/x', 5],
      issuer: own,
      token_endpoint: `${server.url}.evil.example/token`,
      jwks_uri: 'not a url',
    });
    expect(server.records.requests[0]?.url).toBe('/.well-known/oauth-protected-resource/mcp');
    await bridge.close();
  });

  it('carries one behind the path of an issuer only where a document named that issuer', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({
      certificate,
      onRequest: ({ url = '' }, response) => {
        const { url: at } = server;
        if (url.endsWith('/openid-configuration')) {
          if (!url.startsWith('/as/.w')) return void response.writeHead(404).end();
          return void response.end(JSON.stringify({ issuer: `${at}/as` }));
        }
        response.end(JSON.stringify({ resource: at, authorization_servers: [`${at}/as`] }));
      },
    });
    const bridge = await startHttpBridge({ url: `${server.url}/mcp`, trust: certificate.pem });
    const { origin } = new URL(bridge.url);
    const status = async (path: string) =>
      (await fetch(`${origin}/${bridge.token}${path}/.well-known/openid-configuration`)).status;
    expect(await status('/as')).toBe(200);
    expect(await status('/other')).toBe(404);
    expect(await status('/as/more')).toBe(404);
    const asked = server.records.requests.map(({ url }) => url);
    expect(asked.filter((url) => /other|more/.test(url))).toEqual([]);
    await bridge.close();
  });

  it.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['more than a document holds', JSON.stringify({ x: 'x'.repeat(2_000_000) })],
  ])('answers 502 for one that is %s', async (_, body) => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({
      certificate,
      onRequest: (_, response) => void response.end(body),
    });
    const bridge = await startHttpBridge({ url: `${server.url}/mcp`, trust: certificate.pem });
    const { origin } = new URL(bridge.url);
    const at = `${origin}/.well-known/oauth-protected-resource/${bridge.token}/mcp`;
    const response = await fetch(at);
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { data: { reason: 'bad-answer' } } });
    await bridge.close();
  });
});
