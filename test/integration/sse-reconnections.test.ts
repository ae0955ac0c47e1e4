import type { ServerResponse } from 'node:http';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { explainTlsError, sseClient } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { sseClient as sseClientV2 } from '../../src/v2.js';

/** Sessions over SSE whose stream has ended: what comes in its place, and calls until it comes. */

let certificate: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const INITIALIZED = {
  protocolVersion: '2024-11-05',
  capabilities: { tools: {} },
  serverInfo: { name: 'reconnected', version: '1' },
};

/** Answers the first request for a stream with one, and those that follow by `again`. */
async function serve(
  retryMs: number,
  again?: (response: ServerResponse) => void,
  type = 'text/event-stream',
) {
  let stream: ServerResponse | undefined;
  let streams = 0;
  const called: string[] = [];
  const open = (response: ServerResponse): void => {
    stream = response.writeHead(200, { 'content-type': type });
    stream.write(`retry: ${retryMs}\nevent: endpoint\ndata: /messages\n\n`);
  };
  const server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      response.on('error', () => {});
      let text = '';
      for await (const piece of request) text += piece;
      if (request.method === 'GET') {
        if (++streams === 1) open(response);
        else (again ?? open)(response);
        return;
      }
      const { id, method } = JSON.parse(text);
      called.push(method);
      response.writeHead(202).end();
      const result = method === 'initialize' ? INITIALIZED : { content: [] };
      if (id !== undefined) {
        stream?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
      }
    },
  });
  opened.push(server);
  return { url: `${server.url}/sse`, called, streams: () => streams, end: () => stream?.end() };
}

describe.each(['v1', 'v2'] as const)('over SDK %s, a session', (sdk) => {
  const connect = async (url: string) => {
    const options = { trust: certificate.pem };
    const info = { name: 'test', version: '1' };
    const client = (sdk === 'v1' ? new Client(info) : new ClientV2(info)) as Client;
    opened.push(client);
    const onclose = vi.fn();
    const errors: string[] = [];
    await client.connect((sdk === 'v1' ? sseClient : sseClientV2)(url, options) as never);
    client.onclose = onclose;
    client.onerror = (error) => errors.push(error.message);
    const limit = { timeout: 15_000 };
    const call = (): Promise<unknown> =>
      sdk === 'v1'
        ? client.callTool({ name: 'x' }, undefined, limit)
        : client.callTool({ name: 'x' }, limit as never);
    return { onclose, errors, call };
  };

  const typed = (status: number, type: string) => (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': type }).end(': x\n\n');

  it.each<[string, (response: ServerResponse) => void]>([
    ['a page', typed(200, 'text/html')],
    ['201', typed(201, 'text/event-stream')],
    ['206', typed(206, 'text/event-stream')],
    ['a type with capitals, which the event source does not read', typed(200, 'Text/Event-Stream')],
  ])('whose stream is answered the second time by %s closes', async (_, again) => {
    const server = await serve(50, again);
    const { onclose, errors } = await connect(server.url);
    server.end();
    await expect.poll(() => onclose.mock.calls.length, { timeout: 8000 }).toBe(1);
    expect(errors.join()).toContain('the event stream was not given again: HTTP 2');
    expect(server.streams()).toBe(2);
  });

  it('is refused with the reason where the first answer is none that the event source reads', async () => {
    const server = await serve(50, typed(200, 'Text/Event-Stream'), 'Text/Event-Stream');
    const failure = await connect(server.url).catch(String);
    expect(failure).toContain('Invalid content type');
  });

  it('ends a call at once, and does not send it, until there is a stream again', async () => {
    const server = await serve(60_000);
    const { call, errors } = await connect(server.url);
    await call();
    server.end();
    await expect.poll(() => errors.length, { timeout: 8000 }).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const failure = await call().catch((error) => error);
    expect(explainTlsError(failure)?.code).toBe('MCP_TLS_BAD_ANSWER');
    expect(server.called.filter((method) => method === 'tools/call')).toHaveLength(1);
  });

  it('takes calls as soon as there is a stream again', async () => {
    const server = await serve(1);
    const { call } = await connect(server.url);
    for (let times = 2; times < 5; times++) {
      server.end();
      await expect.poll(server.streams, { timeout: 8000 }).toBe(times);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await expect(call()).resolves.toMatchObject({ content: [] });
    }
  });
});
