import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/waiting.js';
import { nextLines } from '../support/stdio-pair.js';
import { answer, connected, INITIALIZE, INITIALIZED, send, start } from './stdio-servers-setup.js';

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
});
