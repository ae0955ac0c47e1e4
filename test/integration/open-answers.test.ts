import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type CustomClientFactory,
  explainTlsError,
  makeCustomClientFactory,
  sseClient,
  streamableHttpClient,
  type TimeoutOptions,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type McpServerOptions,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';

/** Calls whose answer is a stream: whoever ends it, the call ends too, and says why. */

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

async function connect(
  kind: 'http' | 'sse',
  server: McpTestServer,
  timeout?: TimeoutOptions,
): Promise<{ client: Client; factory: CustomClientFactory }> {
  const factory = makeCustomClientFactory(certificate.pem);
  const options = { clientFactory: factory, ...(timeout === undefined ? {} : { timeout }) };
  const client = new Client({ name: 'test', version: '1' });
  opened.push(factory, client);
  const transport =
    kind === 'http'
      ? streamableHttpClient(server.mcpUrl, options)
      : sseClient(server.sseUrl, options);
  await client.connect(transport);
  return { client, factory };
}

/** What a call takes at most that ends by itself, on a busy machine. Otherwise it waits for the SDK's minute. */
const BEFORE_THE_SDK_MS = 30_000;

/** A call that takes a minute, once it is under way; and how it ends. */
async function slowCall(client: Client): Promise<() => Promise<{ error: unknown; ms: number }>> {
  const startedAt = performance.now();
  const call = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }).then(
    () => ({ error: undefined, ms: 0 }),
    (error: unknown) => ({ error, ms: performance.now() - startedAt }),
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  return () => call;
}

describe.each(['http', 'sse'] as const)('a call over %s', (kind) => {
  it('ends when its factory is closed', async () => {
    const { client, factory } = await connect(kind, await serve());
    const call = await slowCall(client);
    await factory.close();
    const { error, ms } = await call();
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_CLOSED');
    expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
  });

  it('ends when the connection breaks', async () => {
    const server = await serve();
    const { client } = await connect(kind, server);
    const call = await slowCall(client);
    server.rotate(certificate, { dropConnections: true });
    const { error, ms } = await call();
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_UNREACHABLE');
    expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
  });

  it('ends when the server ends its stream without an answer', async () => {
    const server = await serve();
    const { client } = await connect(kind, server);
    const call = await slowCall(client);
    await server.forgetSessions();
    const { error, ms } = await call();
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
    expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
  });

  it.each([
    ['idleMs', {}],
    ['totalMs', {}],
    // The SDK would take the stream up again, and wait for the rest of its minute.
    ['idleMs', { resumable: true }],
    ['totalMs', { resumable: true }],
  ] as const)('ends at once when timeout.%s is over (%o)', async (limit, options) => {
    const begun = performance.now();
    const { client } = await connect(kind, await serve(options), { [limit]: 1500 });
    const call = await slowCall(client);
    const { error, ms } = await call();
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
  });

  it('ends at once when timeout.headersMs is over and its answer would be JSON', async () => {
    if (kind === 'sse') return;
    const { client } = await connect(kind, await serve({ jsonResponse: true }), { headersMs: 700 });
    const { error, ms } = await (await slowCall(client))();
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
    expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
  });

  it('is not cut by timeout.headersMs while its answer is a stream, nor is the session by totalMs', async () => {
    const { client } = await connect(kind, await serve(), { headersMs: 400, totalMs: 1_500 });
    const slow = (ms: number) => client.callTool({ name: 'slow', arguments: { ms } });
    await expect(slow(800)).resolves.toBeDefined();
    await expect(slow(800)).resolves.toBeDefined();
    // The standing stream is older than the limit by now.
    await expect(slow(100)).resolves.toBeDefined();
  });

  it('is not ended for another one whose answer came', async () => {
    const { client } = await connect(kind, await serve());
    const slow = client.callTool({ name: 'slow', arguments: { ms: 600 } });
    for (let i = 0; i < 20; i++) await client.callTool({ name: 'add', arguments: { a: i, b: 1 } });
    await expect(slow).resolves.toBeDefined();
  });
});

it('a call whose stream can be taken up again ends when the SDK gives that up', async () => {
  const server = await serve({ resumable: true, retryMs: 50 });
  const { client } = await connect('http', server);
  const call = await slowCall(client);
  await server.close();
  const { error, ms } = await call();
  expect(explainTlsError(error)).toBeDefined();
  expect(ms).toBeLessThan(BEFORE_THE_SDK_MS);
});

it('an SSE session whose server is refused when its stream is opened again is at its end', async () => {
  const server = await serve();
  const { client } = await connect('sse', server);
  const onclose = vi.fn();
  const errors: unknown[] = [];
  client.onclose = onclose;
  client.onerror = (error) => errors.push(error);
  server.rotate(await heldCertificate(), { dropConnections: true });
  await expect.poll(() => onclose.mock.calls.length, { timeout: 8000 }).toBe(1);
  expect(errors.map((error) => explainTlsError(error)?.code)).toContain('MCP_TLS_SELF_SIGNED');
  const { connections } = server.records;
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(server.records.connections).toBe(connections);
}, 20_000);

describe('the fetch of a transport that was closed', () => {
  it('works, and leaves no connection behind, also in the hands of a clone', async () => {
    const server = await serve();
    const transport = streamableHttpClient(server.mcpUrl, { trust: certificate.pem });
    await transport.close();
    const { _url, _fetch } = transport as unknown as { _url: URL; _fetch: typeof fetch };
    const client = new Client({ name: 'clone', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(_url, { fetch: _fetch }));
    expect(await client.ping()).toEqual({});
    await client.close();
    await expect.poll(() => server.openConnections).toBe(0);
  });
});
