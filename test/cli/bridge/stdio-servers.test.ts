import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/waiting.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { bridgeOverPipes, nextLines, type StdioPair } from '../support/stdio-pair.js';

/** The bridge to stdio, over servers that say exactly what a test wants, and servers that misbehave. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Script = Parameters<typeof startScriptedServer>[0];

async function start(script: Script): Promise<{ server: ScriptedServer; bridge: StdioPair }> {
  const server = await startScriptedServer(script);
  closers.push(() => server.tls.close());
  const bridge = bridgeOverPipes({
    url: server.url,
    trust: server.pem,
    transport: 'http',
    graceMs: 50,
  });
  closers.push(() => bridge.end());
  return { server, bridge };
}

const send = ({ input }: StdioPair, ...messages: readonly object[]): void => {
  for (const one of messages) input.write(`${JSON.stringify({ jsonrpc: '2.0', ...one })}\n`);
};

const INITIALIZE = { id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } };
const INITIALIZED = { method: 'notifications/initialized' };

async function connected(script: Script): Promise<{ server: ScriptedServer; bridge: StdioPair }> {
  const both = await start(script);
  send(both.bridge, INITIALIZE);
  await nextLines(both.bridge.output, 1);
  send(both.bridge, INITIALIZED);
  return both;
}

const answer = (id: unknown, result: unknown = {}) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`;

describe('the bridge to stdio', () => {
  it('sends session and version with everything after initialize, and ends the session', async () => {
    const { server, bridge } = await connected({
      post: (one) => (one.id === 1 ? one.json({ jsonrpc: '2.0', id: 1, result: {} }) : undefined),
    });
    send(bridge, { id: 1, method: 'ping' });
    await nextLines(bridge.output, 1);
    await bridge.end();
    const [first, ...others] = server.tls.records.requests;
    expect(first?.headers['mcp-session-id']).toBe(undefined);
    expect(others.map(({ method }) => method).sort()).toEqual(['DELETE', 'GET', 'POST', 'POST']);
    for (const { headers } of others) {
      expect(headers['mcp-session-id']).toBe('s-1');
      expect(headers['mcp-protocol-version']).toBe('2025-11-25');
    }
  });

  it('lets nothing pass initialize before its answer, nor initialized before the server has it', async () => {
    const held: (() => void)[] = [];
    const { server, bridge } = await start({
      post: (one) => {
        if (one.method === 'initialize' || one.method === 'notifications/initialized') {
          const result = { protocolVersion: '2025-11-25' };
          held.push(() =>
            one.id === undefined
              ? one.response.writeHead(202).end()
              : one.json({ jsonrpc: '2.0', id: one.id, result }),
          );
          return true;
        }
        return one.json({ jsonrpc: '2.0', id: one.id, result: {} });
      },
    });
    send(bridge, INITIALIZE, INITIALIZED, { id: 1, method: 'tools/list' });
    await eventually(() => expect(held.length).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.posted.length).toBe(1);
    held[0]?.();
    await eventually(() => expect(held.length).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.posted.length).toBe(2);
    held[1]?.();
    expect(await nextLines(bridge.output, 2)).toMatchObject([{ id: 0 }, { id: 1 }]);
  });

  it('carries requests of the server to the client, and their answers back past calls that wait', async () => {
    const { server, bridge } = await connected({
      post(one) {
        if (one.id !== 1) return undefined;
        const write = one.stream();
        write(
          `data: ${JSON.stringify({ jsonrpc: '2.0', id: 'srv', method: 'sampling/createMessage' })}\n\n`,
        );
        const timer = setInterval(() => {
          if (!server.posted.some(({ id, method }) => id === 'srv' && method === undefined)) return;
          clearInterval(timer);
          write(answer(1));
          one.response.end();
        }, 10);
        return true;
      },
    });
    send(bridge, { id: 1, method: 'tools/call' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([
      { id: 'srv', method: 'sampling/createMessage' },
    ]);
    send(bridge, { id: 'srv', result: { text: 'x' } });
    expect(await nextLines(bridge.output, 1)).toMatchObject([{ id: 1, result: {} }]);
    const back = server.posted.find(({ id }) => id === 'srv');
    expect(back?.message).toEqual({ jsonrpc: '2.0', id: 'srv', result: { text: 'x' } });
  });

  it('cancels: the server gets the notification first, then the stream of the call is closed, and nothing is answered', async () => {
    const events: string[] = [];
    const { server, bridge } = await connected({
      post(one) {
        if (one.method === 'notifications/cancelled') events.push('cancelled');
        if (one.id === 2) return one.json({ jsonrpc: '2.0', id: 2, result: {} });
        if (one.id !== 1) return undefined;
        one.stream();
        one.response.on('close', () => events.push('closed'));
        return true;
      },
    });
    send(bridge, { id: 1, method: 'tools/call' });
    await eventually(() => expect(server.posted.some(({ id }) => id === 1)).toBe(true));
    send(bridge, { method: 'notifications/cancelled', params: { requestId: 1 } });
    await eventually(() => expect(events).toEqual(['cancelled', 'closed']));
    send(bridge, { id: 2, method: 'ping' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([{ id: 2 }]);
  });

  it('goes on with the standing stream where it ended, by the id of its last event', async () => {
    const asked: (string | undefined)[] = [];
    const { bridge } = await connected({
      get(request, response) {
        asked.push(request.headers['last-event-id'] as string | undefined);
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const message = {
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { n: asked.length },
        };
        response.write(`id: e-${asked.length}\ndata: ${JSON.stringify(message)}\n\n`);
        if (asked.length < 3) response.end();
      },
    });
    expect(await nextLines(bridge.output, 3)).toMatchObject([
      { params: { n: 1 } },
      { params: { n: 2 } },
      { params: { n: 3 } },
    ]);
    expect(asked).toEqual([undefined, 'e-1', 'e-2']);
  });

  it('does not ask again for a standing stream that is not offered', async () => {
    const { server, bridge } = await connected({});
    await eventually(() =>
      expect(server.tls.records.requests.some(({ method }) => method === 'GET')).toBe(true),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(server.tls.records.requests.filter(({ method }) => method === 'GET').length).toBe(1);
    void bridge;
  });

  it('writes each message on one line and unchanged, numbers too large for JavaScript included', async () => {
    const { bridge } = await connected({
      post: (one) =>
        one.id === 1
          ? one.json(
              '{"jsonrpc":"2.0",\r\n "id":1,\n"result":{"n":12345678901234567890,"t":"a\\nb"}}',
            )
          : undefined,
    });
    let text = '';
    bridge.output.on('data', (chunk) => {
      text += chunk;
    });
    send(bridge, { id: 1, method: 'x' });
    await eventually(() => expect(text).toMatch(/\n$/));
    expect(text).toBe(
      '{"jsonrpc":"2.0",  "id":1, "result":{"n":12345678901234567890,"t":"a\\nb"}}\n',
    );
  });

  it('sends a message of the client as it came', async () => {
    let body = '';
    const { bridge } = await connected({
      post(one) {
        if (one.id !== 1) return undefined;
        body = JSON.stringify(one.message);
        return one.json({ jsonrpc: '2.0', id: 1, result: {} });
      },
    });
    bridge.input.write('{"jsonrpc":"2.0","id":1,"method":"x","params":{"é":"\\u0000 ü"}}\r\n');
    await nextLines(bridge.output, 1);
    expect(body).toBe('{"jsonrpc":"2.0","id":1,"method":"x","params":{"é":"\\u0000 ü"}}');
  });

  it.each([
    ['an answer in neither JSON nor events', 'text/html', '<html>', 'bad-answer'],
    [
      'no answer in its JSON',
      'application/json',
      '{"jsonrpc":"2.0","id":99,"result":{}}',
      'no-answer',
    ],
    ['what is no JSON', 'application/json', 'hello', 'no-answer'],
    ['a stream that ends without the answer', 'text/event-stream', ': nothing\n\n', 'stream-ended'],
    [
      'a stream with the answer to another request',
      'text/event-stream',
      answer(99),
      'stream-ended',
    ],
    [
      'a stream whose last event is not whole',
      'text/event-stream',
      answer(1).trimEnd(),
      'stream-ended',
    ],
  ])('fails a call to which the server gives %s', async (_, type, body, reason) => {
    const { bridge } = await connected({
      post(one) {
        if (one.id !== 1) return undefined;
        one.response.writeHead(200, { 'content-type': type }).end(body);
        return true;
      },
    });
    send(bridge, { id: 1, method: 'x' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([
      { id: 1, error: { data: { reason } } },
    ]);
  });

  it('hands a JSON-RPC error in the body of an error status on, under the id of the request', async () => {
    const { bridge } = await connected({
      post: (one) =>
        one.id === 'a'
          ? one.json(
              { jsonrpc: '2.0', id: null, error: { code: -32_020, message: 'm', data: 5 } },
              400,
            )
          : undefined,
    });
    send(bridge, { id: 'a', method: 'x' });
    expect(await nextLines(bridge.output, 1)).toEqual([
      { jsonrpc: '2.0', id: 'a', error: { code: -32_020, message: 'm', data: 5 } },
    ]);
  });

  it.each([401, 403, 500, 503])('says which status the server answered: %d', async (status) => {
    const { bridge } = await connected({
      post: (one) => (one.id === 1 ? one.response.writeHead(status).end('x') && true : undefined),
    });
    send(bridge, { id: 1, method: 'x' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([
      { id: 1, error: { data: { status } } },
    ]);
  });

  it('gives up a stream that the server does not resume', async () => {
    const { bridge } = await connected({
      post(one) {
        if (one.id !== 1) return undefined;
        one.stream()('id: e\nretry: 1\ndata: \n\n');
        one.response.end();
        return true;
      },
      get: (request, response) => {
        const isResume = request.headers['last-event-id'] !== undefined;
        response.writeHead(isResume ? 404 : 405).end();
      },
    });
    send(bridge, { id: 1, method: 'x' });
    expect(await nextLines(bridge.output, 1)).toMatchObject([
      { id: 1, error: { data: { reason: 'stream-ended', status: 404 } } },
    ]);
  });

  it('asks a server that has its clients come back at once ten times, and then once a second', async () => {
    let asked = 0;
    const { bridge } = await connected({
      post(one) {
        if (one.id !== 1) return undefined;
        one.stream()('id: e\nretry: 0\ndata: \n\n');
        one.response.end();
        return true;
      },
      get(request, response) {
        if (request.headers['last-event-id'] === undefined)
          return void response.writeHead(405).end();
        asked += 1;
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 0\n\n');
      },
    });
    send(bridge, { id: 1, method: 'x' });
    await eventually(() => expect(asked).toBeGreaterThanOrEqual(10));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(asked).toBeLessThan(20);
  });

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
