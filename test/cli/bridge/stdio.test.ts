import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../../src/testing/index.js';
import { eventually } from '../../support/waiting.js';
import { bridgeOverPipes, nextLines, type StdioPair } from '../support/stdio-pair.js';

/** The bridge to stdio, over real servers of the SDK v1. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type ServerOptions = Partial<Parameters<typeof startMcpServer>[0]>;

async function world(
  options: ServerOptions = {},
  bridging: { transport?: 'auto' | 'http' | 'sse'; at?: 'mcp' | 'sse' } = {},
): Promise<{ server: McpTestServer; bridge: StdioPair; client: Client; pem: string }> {
  const certificate = await heldCertificate();
  const server = await startMcpServer({ certificate, ...options });
  closers.push(() => server.close());
  const bridge = bridgeOverPipes({
    url: bridging.at === 'sse' ? server.sseUrl : server.mcpUrl,
    trust: certificate.pem,
    ...(bridging.transport && { transport: bridging.transport }),
  });
  closers.push(() => bridge.end());
  const client = new Client({ name: 'test', version: '1' });
  return { server, bridge, client, pem: certificate.pem };
}

const text = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text;

describe.each([
  ['Streamable HTTP with streams', {}, {}],
  ['Streamable HTTP with JSON', { jsonResponse: true }, {}],
  ['HTTP with SSE', { transport: 'sse' }, { transport: 'sse', at: 'sse' }],
  ['HTTP with SSE, found by itself', { transport: 'sse' }, { at: 'sse' }],
] as const)('a stdio client over the bridge to %s', (_, options, bridging) => {
  it('lists tools and calls them', async () => {
    const { client, bridge } = await world(options, bridging);
    await client.connect(bridge.transport());
    expect((await client.listTools()).tools.length).toBeGreaterThan(3);
    const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
    expect(text(sum)).toBe('5');
  });

  it('has 16 calls at once answered, each by its own answer', async () => {
    const { client, bridge } = await world(options, bridging);
    await client.connect(bridge.transport());
    const numbers = Array.from({ length: 16 }, (_, i) => i);
    const sums = await Promise.all(
      numbers.map((i) => client.callTool({ name: 'add', arguments: { a: i, b: 100 } })),
    );
    expect(sums.map(text)).toEqual(numbers.map((i) => String(i + 100)));
  });

  it('hears what the server says of itself', async () => {
    const { client, bridge, server } = await world(options, bridging);
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    await client.connect(bridge.transport());
    await eventually(async () => {
      await server.notifyToolListChanged();
      expect(heard).toBeGreaterThan(0);
    });
  });

  it('ends the session at the server when its input ends', async () => {
    const { client, bridge, server } = await world(options, bridging);
    await client.connect(bridge.transport());
    expect(server.sessionIds.length).toBe(1);
    expect(await bridge.end()).toBe('input');
    await eventually(() => expect(server.sessionIds).toEqual([]));
    await eventually(() => expect(server.openConnections).toBe(0));
  });
});

describe('a stdio client over the bridge', () => {
  it('sees progress before the answer', async () => {
    const { client, bridge } = await world();
    await client.connect(bridge.transport());
    const steps: number[] = [];
    const call = { name: 'count', arguments: { to: 3, delayMs: 5 } };
    await client.callTool(call, undefined, { onprogress: ({ progress }) => steps.push(progress) });
    expect(steps).toEqual([1, 2, 3]);
  });

  it('has a quick call answered before a slow one that was made first', async () => {
    const { client, bridge } = await world();
    await client.connect(bridge.transport());
    const order: string[] = [];
    const slow = client
      .callTool({ name: 'slow', arguments: { ms: 500 } })
      .then(() => order.push('slow'));
    await client
      .callTool({ name: 'echo', arguments: { text: 'x' } })
      .then(() => order.push('quick'));
    await slow;
    expect(order).toEqual(['quick', 'slow']);
  });

  it('cancels: the server hears of it, and its stream ends', async () => {
    const { client, bridge, server } = await world();
    await client.connect(bridge.transport());
    const aborting = new AbortController();
    const call = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, {
      signal: aborting.signal,
    });
    await eventually(() => {
      expect(server.records.requests.filter(({ method }) => method === 'POST').length).toBe(3);
    });
    const before = server.openConnections;
    aborting.abort();
    await expect(call).rejects.toThrow();
    await eventually(() => expect(server.openConnections).toBeLessThan(before + 1));
    const sum = await client.callTool({ name: 'add', arguments: { a: 1, b: 1 } });
    expect(text(sum)).toBe('2');
  });

  it('gets the answer of a call whose stream broke, from where it broke', async () => {
    const { client, bridge, server } = await world({ resumable: true, retryMs: 50 });
    await client.connect(bridge.transport());
    const call = client.callTool({ name: 'count', arguments: { to: 4, delayMs: 150 } }, undefined, {
      onprogress: () => server.dropConnections(),
    });
    expect(text(await call)).toBe('4');
  });

  it('receives an impostor in the error of each request that waits, with code and reason', async () => {
    const { server, pem } = await world();
    const other = await heldCertificate();
    server.rotate(other, { dropConnections: true });
    const bridge = bridgeOverPipes({ url: server.mcpUrl, trust: pem });
    closers.push(() => bridge.end());
    const initialize = { jsonrpc: '2.0', id: 'a', method: 'initialize', params: {} };
    bridge.input.write(`${JSON.stringify(initialize)}\n`);
    const [line] = (await nextLines(bridge.output, 1)) as [Record<string, never>];
    expect(line).toMatchObject({
      jsonrpc: '2.0',
      id: 'a',
      error: {
        code: -32_000,
        data: { code: 'MCP_TLS_SELF_SIGNED', refused: true, host: '127.0.0.1' },
      },
    });
    const { reason } = (line['error'] as unknown as { data: { reason: string } }).data;
    expect(reason).toContain('self-signed');
    expect(server.records.requests).toEqual([]);
  });

  it('receives that the session has ended', async () => {
    const { client, bridge, server } = await world();
    await client.connect(bridge.transport());
    await server.forgetSessions();
    await expect(client.listTools()).rejects.toMatchObject({
      code: -32_000,
      data: { reason: 'session-ended', status: 404 },
    });
  });

  it('receives that its call was lost with the session, over SSE', async () => {
    const { client, bridge, server } = await world({ transport: 'sse' }, { at: 'sse' });
    await client.connect(bridge.transport());
    const call = client.callTool({ name: 'slow', arguments: { ms: 60_000 } });
    await eventually(() => expect(server.records.requests.length).toBeGreaterThanOrEqual(5));
    server.dropConnections();
    await expect(call).rejects.toMatchObject({ code: -32_000 });
    await expect(client.listTools()).rejects.toMatchObject({ code: -32_000 });
  });

  it('gets errors for lines that are no messages, and goes on', async () => {
    const { bridge } = await world({}, {});
    bridge.input.write('not json\n[]\n{"jsonrpc":"2.0","id":{},"method":"x"}\n\n  \n');
    bridge.input.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
    expect(await nextLines(bridge.output, 4)).toMatchObject([
      { id: null, error: { code: -32_700 } },
      { id: null, error: { code: -32_700 } },
      { id: null, error: { code: -32_700 } },
      { id: 1, error: { code: -32_000, data: { reason: 'not-connected' } } },
    ]);
  });

  it('gets an error for a line that is too long, which is not kept', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const trust = certificate.pem;
    const bridge = bridgeOverPipes({ url: server.mcpUrl, trust, maxLineBytes: 1_000 });
    closers.push(() => bridge.end());
    bridge.input.write(`"${'x'.repeat(500_000)}`);
    bridge.input.write(`${'x'.repeat(500_000)}"\nnot json\n`);
    expect(await nextLines(bridge.output, 2)).toMatchObject([
      { id: null, error: { data: { reason: 'too-large' } } },
      { id: null, error: { code: -32_700 } },
    ]);
  });
});
