import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/waiting.js';
import { bridgeOverPipes, nextLines } from '../support/stdio-pair.js';
import { closers, connected, INITIALIZE, send, start } from './stdio-servers-setup.js';

describe('the bridge to stdio, in a session', () => {
  it('repeats in headers what a request of 2026-07-28 says, and what the tool wants repeated', async () => {
    const schema = {
      type: 'object',
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
      },
    };
    const { server, bridge } = await start({
      post: (one) => {
        const result =
          one.method === 'tools/list' ? { tools: [{ name: 'wörld', inputSchema: schema }] } : {};
        return one.json({ jsonrpc: '2.0', id: one.id, result });
      },
    });
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
    send(bridge, { id: 1, method: 'tools/list', params: { _meta } });
    await nextLines(bridge.output, 1);
    const given = { region: ' eu', deep: { n: 5 }, other: 1 };
    send(bridge, {
      id: 2,
      method: 'tools/call',
      params: { _meta, name: 'wörld', arguments: given },
    });
    await nextLines(bridge.output, 1);
    const [list, call] = server.tls.records.requests;
    expect(list?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    });
    expect(call?.headers).toMatchObject({
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?d8O2cmxk?=',
      'mcp-param-region': '=?base64?IGV1?=',
      'mcp-param-n': '5',
    });
    expect(call?.headers['mcp-session-id']).toBe(undefined);
  });

  it('ends a call of 2026-07-28 that is cancelled by closing its stream, and posts nothing', async () => {
    let closed = false;
    const { server, bridge } = await start({
      post(one) {
        one.stream();
        one.response.on('close', () => {
          closed = true;
        });
        return true;
      },
    });
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
    send(bridge, { id: 1, method: 'subscriptions/listen', params: { _meta } });
    await eventually(() => expect(server.posted.length).toBe(1));
    send(bridge, { method: 'notifications/cancelled', params: { requestId: 1 } });
    await eventually(() => expect(closed).toBe(true));
    expect(server.posted.length).toBe(1);
  });

  it('holds the server up for a client that does not read', async () => {
    let written = 0;
    const { bridge } = await connected({
      get(_, response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const params = { data: 'x'.repeat(65_536) };
        const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n\n`;
        const more = (): void => {
          while (written < 200_000_000 && !response.destroyed) {
            written += event.length;
            if (!response.write(event)) return void response.once('drain', more);
          }
        };
        more();
      },
    });
    let before = -1;
    await eventually(async () => {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(written).toBe(before);
    });
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(50_000_000);
    void bridge;
  });

  it('ends when the client no longer reads', async () => {
    const { server, bridge } = await connected({});
    bridge.output.destroy();
    expect(await bridge.done).toBe('output');
    await eventually(() => expect(server.tls.openConnections).toBe(0));
  });

  it('refuses a second request under an id that waits', async () => {
    const { server, bridge } = await connected({
      post: (one) => (one.id === 1 ? one.stream() && true : undefined),
    });
    send(bridge, { id: 1, method: 'x' });
    await eventually(() => expect(server.posted.some(({ id }) => id === 1)).toBe(true));
    send(bridge, { id: 1, method: 'y' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([{ id: 1, error: { code: -32_600 } }]);
    expect(server.posted.some(({ method }) => method === 'y')).toBe(false);
  });

  it('begins anew with a second initialize: the first session is ended', async () => {
    const { server, bridge } = await connected({});
    send(bridge, { ...INITIALIZE, id: 7 });
    expect(await nextLines(bridge.output, 1)).toMatchObject([{ id: 7, result: {} }]);
    expect(server.tls.records.requests.filter(({ method }) => method === 'DELETE').length).toBe(1);
  });

  it('splits an answer that is a list into lines', async () => {
    const { bridge } = await connected({
      post: (one) =>
        one.id === 1
          ? one.json([
              { jsonrpc: '2.0', method: 'notifications/message', params: {} },
              { jsonrpc: '2.0', id: 1, result: {} },
            ])
          : undefined,
    });
    send(bridge, { id: 1, method: 'x' });
    expect(await nextLines(bridge.output, 2)).toMatchObject([
      { method: 'notifications/message' },
      { id: 1 },
    ]);
  });

  it('has 1,500 requests at once answered', async () => {
    const { bridge } = await connected({
      post: (one) =>
        one.id === undefined || one.id === 0
          ? undefined
          : one.json({ jsonrpc: '2.0', id: one.id, result: {} }),
    });
    const lines = nextLines(bridge.output, 1_500);
    for (let id = 1; id <= 1_500; id++) {
      const line = `${JSON.stringify({ jsonrpc: '2.0', id, method: 'x' })}\n`;
      if (!bridge.input.write(line)) await once(bridge.input, 'drain');
    }
    const ids = (await lines).map((one) => (one as { id: number }).id);
    expect(new Set(ids).size).toBe(1_500);
  });
});

describe('the bridge to stdio, of HTTP with SSE', () => {
  it.each([
    ['another origin', 'https://evil.example/messages'],
    ['plain http', 'http://127.0.0.1/messages'],
    ['what is no address', 'http://['],
  ])('sends nothing where the stream names %s for messages', async (_, endpoint) => {
    const { server, bridge } = await start({
      post: (one) => one.response.writeHead(405).end() && true,
      get: (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      },
    });
    void bridge;
    const sse = bridgeOverPipes({
      url: server.url,
      trust: server.pem,
      transport: 'sse',
      graceMs: 50,
    });
    closers.push(() => sse.end());
    send(sse, INITIALIZE);
    expect(await nextLines(sse.output, 1)).toMatchObject([
      { id: 0, error: { data: { reason: 'bad-answer' } } },
    ]);
    expect(server.posted).toEqual([]);
  });
});
