import {
  Client as ClientV2,
  StreamableHTTPClientTransport as OverV2,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpBridge, startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import {
  heldCertificate,
  type McpTestServer,
  startMcpServer,
  startTlsServer,
} from '../../../src/testing/index.js';
import { startV2Server } from '../../support/v2-server.js';
import { eventually } from '../../support/waiting.js';

/** The bridge to http on loopback: clients of both SDKs over it, and servers that are refused or fail. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type ServerOptions = Partial<Parameters<typeof startMcpServer>[0]>;
type BridgeOptions = Partial<Parameters<typeof startHttpBridge>[0]>;

async function world(
  options: ServerOptions = {},
  bridging: BridgeOptions & { at?: 'mcp' | 'sse' } = {},
): Promise<{ server: McpTestServer; bridge: HttpBridge; reports: string[] }> {
  const certificate = await heldCertificate();
  const server = await startMcpServer({ certificate, ...options });
  closers.push(() => server.close());
  const reports: string[] = [];
  const { at, ...more } = bridging;
  const bridge = await startHttpBridge({
    url: at === 'sse' ? server.sseUrl : server.mcpUrl,
    trust: certificate.pem,
    report: (line) => reports.push(line),
    ...more,
  });
  closers.push(() => bridge.close());
  return { server, bridge, reports };
}

async function connected(transport: unknown): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport as Transport);
  closers.push(() => client.close());
  return client;
}

const text = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text;
const sum = (client: Client, a: number) =>
  client.callTool({ name: 'add', arguments: { a, b: 100 } }).then(text);

const ALL = Array.from({ length: 16 }, (_, i) => i);

describe('a client of the SDK v1 over the http bridge', () => {
  it.each([
    ['Streamable HTTP', {}],
    ['Streamable HTTP in JSON', { jsonResponse: true }],
    ['Streamable HTTP that resumes', { resumable: true }],
  ] as const)('calls tools, 16 at once, by %s', async (_, options) => {
    const { bridge, server } = await world(options);
    const transport = new StreamableHTTPClientTransport(new URL(bridge.url));
    const client = await connected(transport);
    expect(await Promise.all(ALL.map((i) => sum(client, i)))).toEqual(
      ALL.map((i) => String(i + 100)),
    );
    await transport.terminateSession();
    expect(server.sessionIds).toEqual([]);
  });

  it('calls tools, 16 at once, by HTTP with SSE', async () => {
    const { bridge, server } = await world({ transport: 'sse' }, { at: 'sse' });
    const client = await connected(new SSEClientTransport(new URL(bridge.url)));
    expect(await Promise.all(ALL.map((i) => sum(client, i)))).toEqual(
      ALL.map((i) => String(i + 100)),
    );
    await client.close();
    await eventually(() => expect(server.sessionIds).toEqual([]));
  });

  it('sends the token as a header, over either transport', async () => {
    const { bridge } = await world({ transport: 'both' });
    const requestInit = { headers: { 'mcp-tls-token': bridge.token } };
    const http = new StreamableHTTPClientTransport(new URL(bridge.plainUrl), { requestInit });
    expect(await sum(await connected(http), 1)).toBe('101');
    const over = await world({ transport: 'sse' }, { at: 'sse' });
    const init = { headers: { 'mcp-tls-token': over.bridge.token } };
    const sse = new SSEClientTransport(new URL(over.bridge.plainUrl), { requestInit: init });
    expect(await sum(await connected(sse), 1)).toBe('101');
  });

  it('sees progress as it comes, and what the server says of itself', async () => {
    const { bridge, server } = await world();
    const client = await connected(new StreamableHTTPClientTransport(new URL(bridge.url)));
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    const steps: number[] = [];
    const call = { name: 'count', arguments: { to: 3, delayMs: 20 } };
    await client.callTool(call, undefined, { onprogress: ({ progress }) => steps.push(progress) });
    expect(steps).toEqual([1, 2, 3]);
    await eventually(async () => {
      await server.notifyToolListChanged();
      expect(heard).toBeGreaterThan(0);
    });
  });

  it('resumes a call whose stream broke', async () => {
    const { bridge, server } = await world({ resumable: true, retryMs: 50 });
    const client = await connected(new StreamableHTTPClientTransport(new URL(bridge.url)));
    const call = { name: 'count', arguments: { to: 4, delayMs: 150 } };
    const result = await client.callTool(call, undefined, {
      onprogress: () => server.dropConnections(),
    });
    expect(text(result)).toBe('4');
  });
});

describe('a client of the SDK v2 over the http bridge', () => {
  it.each(['legacy', 'auto', { pin: '2026-07-28' }] as const)(
    'calls a server of SDK v2: %s',
    async (mode) => {
      const mcp = startV2Server();
      closers.push(() => mcp.close());
      const certificate = await heldCertificate();
      await using server = await startTlsServer({
        certificate,
        onRequest: (i, o) => mcp.handle(i, o),
      });
      const bridge = await startHttpBridge({ url: `${server.url}/mcp`, trust: certificate.pem });
      closers.push(() => bridge.close());
      const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
      await client.connect(new OverV2(new URL(bridge.url)));
      closers.push(() => client.close());
      expect(text(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }))).toBe('5');
    },
  );
});

describe('the http bridge', () => {
  const initialize = { jsonrpc: '2.0', id: 'a', method: 'initialize', params: {} };
  const post = (url: string, body: unknown = initialize, init: RequestInit = {}) =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
      ...init,
    });

  it('answers 502 with a JSON-RPC error for an impostor, with the code, the reason and the id', async () => {
    const { bridge, server, reports } = await world();
    server.rotate(await heldCertificate(), { dropConnections: true });
    const response = await post(bridge.url);
    expect(response.status).toBe(502);
    const body = (await response.json()) as { error: { data: { reason: string } } };
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id: 'a',
      error: { code: -32_000, data: { code: 'MCP_TLS_SELF_SIGNED', refused: true } },
    });
    expect(body.error.data.reason).toContain('self-signed');
    expect(server.records.requests).toEqual([]);
    expect(JSON.stringify([body, reports])).not.toContain(bridge.token);
  });

  it('answers 502 for a server that is not there', async () => {
    const { bridge, server } = await world();
    await server.close();
    const response = await post(bridge.url);
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: { data: { code: 'MCP_TLS_UNREACHABLE' } },
    });
  });

  it('does not follow a redirect to another origin, and does not hand it on', async () => {
    const { bridge, server } = await world();
    server.redirectTo('https://elsewhere.example/mcp');
    const response = await post(bridge.url, initialize, { redirect: 'manual' });
    expect(response.status).toBe(502);
    expect(response.headers.get('location')).toBe(null);
    expect(await response.json()).toMatchObject({
      error: { data: { code: 'MCP_TLS_REDIRECT_REFUSED' } },
    });
  });

  it('hands on 404 and its body, by which a client begins a new session', async () => {
    const { bridge } = await world();
    const headers = { 'content-type': 'application/json', 'mcp-session-id': 'gone' };
    const response = await post(bridge.url, initialize, { headers });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { message: 'session not found' } });
  });

  it('leaves nothing open when it is closed, with streams and calls under way', async () => {
    const { bridge, server } = await world();
    const client = await connected(new StreamableHTTPClientTransport(new URL(bridge.url)));
    const call = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }).catch(() => 'ended');
    await eventually(() => expect(server.records.requests.length).toBeGreaterThanOrEqual(4));
    await bridge.close();
    await client.close();
    await call;
    await eventually(() => expect(server.openConnections).toBe(0));
    await expect(post(bridge.url)).rejects.toThrow();
  });

  it('takes a large message, in pieces', async () => {
    const { bridge } = await world();
    const client = await connected(new StreamableHTTPClientTransport(new URL(bridge.url)));
    const large = 'ä'.repeat(1_000_000);
    const call = { name: 'echo', arguments: { text: large } };
    expect(text(await client.callTool(call)) === large).toBe(true);
  });
});
