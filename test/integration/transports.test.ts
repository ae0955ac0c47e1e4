import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  makeCustomClientFactory,
  sseClient,
  streamableHttpClient,
  TlsTrustError,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type McpServerOptions,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';

let certificate: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function serve(options: Partial<McpServerOptions> = {}): Promise<McpTestServer> {
  const server = await startMcpServer({ certificate, transport: 'both', ...options });
  opened.push(server);
  return server;
}

function newClient(): Client {
  const client = new Client({ name: 'transport-test', version: '1' });
  opened.push(client);
  return client;
}

const kinds = [
  {
    kind: 'streamable http',
    sdkClass: StreamableHTTPClientTransport,
    make: (server: McpTestServer, options: Parameters<typeof streamableHttpClient>[1]) =>
      streamableHttpClient(server.mcpUrl, options),
  },
  {
    kind: 'sse',
    sdkClass: SSEClientTransport,
    make: (server: McpTestServer, options: Parameters<typeof sseClient>[1]) =>
      sseClient(server.sseUrl, options),
  },
] as const;

describe.each(kinds)('$kind', ({ sdkClass, make }) => {
  it("is an instance of the SDK's class, and works with its client", async () => {
    const server = await serve();
    const transport = make(server, { trust: certificate.pem });
    expect(transport).toBeInstanceOf(sdkClass);
    const client = newClient();
    await client.connect(transport);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
    const result = await client.callTool({ name: 'echo', arguments: { text: 'hello' } });
    expect(result.content).toEqual([{ type: 'text', text: 'hello' }]);
  });

  it('brings progress while the call runs', async () => {
    const server = await serve();
    const client = newClient();
    await client.connect(make(server, { trust: certificate.pem }));
    const steps: number[] = [];
    await client.callTool({ name: 'count', arguments: { to: 5, delayMs: 5 } }, undefined, {
      onprogress: ({ progress }) => steps.push(progress),
    });
    expect(steps).toEqual([1, 2, 3, 4, 5]);
  });

  it('brings what the server sends by itself, over the stream that never ends', async () => {
    const server = await serve();
    const client = newClient();
    const changed = vi.fn();
    client.setNotificationHandler(ToolListChangedNotificationSchema, changed);
    await client.connect(make(server, { trust: certificate.pem }));
    await expect
      .poll(async () => {
        await server.notifyToolListChanged();
        return changed.mock.calls.length;
      })
      .toBeGreaterThan(0);
    // Calls go on beside the stream.
    expect(await client.ping()).toEqual({});
  });

  it('cancels a call, and the next one works', async () => {
    const server = await serve();
    const client = newClient();
    await client.connect(make(server, { trust: certificate.pem }));
    const signal = AbortSignal.timeout(50);
    const slow = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, {
      signal,
    });
    await expect(slow).rejects.toThrow();
    expect(await client.ping()).toEqual({});
  });

  it('runs 20 calls at a time', async () => {
    const server = await serve();
    const client = newClient();
    await client.connect(make(server, { trust: certificate.pem }));
    const sums = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        client.callTool({ name: 'add', arguments: { a: i, b: 1 } }),
      ),
    );
    expect(sums.map(({ content }) => (content as { text: string }[])[0]?.text)).toEqual(
      Array.from({ length: 20 }, (_, i) => String(i + 1)),
    );
  });

  it('rejects with our error for a certificate that is not trusted, and then lets go', async () => {
    const server = await serve();
    const transport = make(server, { trust: null });
    const onclose = vi.fn();
    const error = await newClient()
      .connect(Object.assign(transport, { onclose }))
      .catch((e) => e);
    expect(error).toBeInstanceOf(TlsTrustError);
    expect(error).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', host: '127.0.0.1' });
    const { connections } = server.records;
    // The SDK's event source alone would try again every three seconds.
    await new Promise((resolve) => setTimeout(resolve, 3_300));
    expect(server.records).toMatchObject({ connections, applicationBytes: 0 });
  });

  it('sends headers and auth, and takes the auth that the server asks for', async () => {
    const server = await serve({ requireBearer: 'secret-token' });
    const client = newClient();
    const trust = certificate.pem;
    await client.connect(
      make(server, { trust, auth: 'secret-token', headers: { 'x-tenant': 't' } }),
    );
    expect(await client.ping()).toEqual({});
    for (const { headers } of server.records.requests) {
      expect(headers).toMatchObject({ 'x-tenant': 't', authorization: 'Bearer secret-token' });
    }
  });

  it('shares the pool of an injected factory, and leaves it open', async () => {
    const server = await serve();
    const clientFactory = makeCustomClientFactory(certificate.pem);
    opened.push(clientFactory);
    for (let i = 0; i < 5; i++) {
      const client = newClient();
      await client.connect(make(server, { clientFactory }));
      await client.ping();
      await client.close();
    }
    expect(server.records.handshakes).toBeLessThan(15);
    expect((await clientFactory()(server.url)).status).toBe(404);
  });

  it('close() ends everything that is its own', async () => {
    const server = await serve();
    const client = newClient();
    await client.connect(make(server, { trust: certificate.pem }));
    const slow = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }).catch((e) => e);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.close();
    expect(await slow).toBeInstanceOf(Error);
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it.each<[string, object]>([
    ['a fetch', { fetch: globalThis.fetch }],
    ['a fetch for the event source', { eventSourceInit: { fetch: globalThis.fetch } }],
    ['a factory and trust', { clientFactory: makeCustomClientFactory(null), trust: null }],
    ['neither a factory nor trust', {}],
    ['trust that is not set', { trust: undefined }],
    ['an empty certificate', { trust: '' }],
    ['a bad timeout', { trust: null, timeout: { idleMs: -1 } }],
  ])('refuses %s in its options at once', (_what, options) => {
    const server = { mcpUrl: 'https://127.0.0.1:9/mcp', sseUrl: 'https://127.0.0.1:9/sse' };
    expect(() => make(server as McpTestServer, options as never)).toThrow(
      expect.objectContaining({ name: 'TlsConfigError' }),
    );
  });

  it('refuses an http URL at once', () => {
    const server = { mcpUrl: 'http://127.0.0.1:9/mcp', sseUrl: 'http://127.0.0.1:9/sse' };
    expect(() => make(server as McpTestServer, { trust: null })).toThrow(/https/);
  });
});

describe('streamable http alone', () => {
  // Up to 1.16 the SDK resumes its standing stream only, whatever fetch it is given.
  const resumes = process.env['MCP_TLS_SDK'] !== '1.16.0';
  it.runIf(resumes)('resumes after the connection broke', async () => {
    const server = await serve({ resumable: true, retryMs: 50 });
    const client = newClient();
    const trust = certificate.pem;
    await client.connect(streamableHttpClient(server.mcpUrl, { trust }));
    const steps: number[] = [];
    const call = client.callTool({ name: 'count', arguments: { to: 10, delayMs: 40 } }, undefined, {
      onprogress: ({ progress }) => {
        steps.push(progress);
        if (progress === 3) server.dropConnections();
      },
    });
    expect((await call).content).toEqual([{ type: 'text', text: '10' }]);
    expect(steps).toContain(10);
  });

  it('terminates its session with DELETE', async () => {
    const server = await serve({ jsonResponse: true });
    const client = newClient();
    const trust = certificate.pem;
    const transport = streamableHttpClient(server.mcpUrl, { trust });
    await client.connect(transport);
    expect(server.sessionIds).toHaveLength(1);
    await transport.terminateSession();
    expect(server.records.requests.at(-1)?.method).toBe('DELETE');
    expect(server.sessionIds).toHaveLength(0);
  });

  it("never leaves the origin, also with the SDK's redirectPolicy: 'follow'", async () => {
    const [server, elsewhere] = [await serve(), await serve()];
    server.redirectTo(elsewhere.mcpUrl, 307);
    for (const redirectPolicy of ['follow', 'same-origin'] as const) {
      const trust = certificate.pem;
      const headers = { 'x-api-key': 'secret' };
      const transport = streamableHttpClient(server.mcpUrl, { trust, headers, redirectPolicy });
      await expect(newClient().connect(transport)).rejects.toThrow(/redirect/i);
      await transport.close();
    }
    expect(elsewhere.records.applicationBytes).toBe(0);
  });
});
