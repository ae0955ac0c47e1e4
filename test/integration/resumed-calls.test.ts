import type { IncomingMessage, ServerResponse } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, sseClient, streamableHttpClient } from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';

/** Calls whose stream broke off: what is left of them, and when they end for good. */

let certificate: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

interface Message {
  readonly id?: number;
  readonly method?: string;
}

const INITIALIZED = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'breaks off', version: '1' },
};

async function readMessage(request: IncomingMessage): Promise<Message> {
  let text = '';
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

function answerTo({ id }: Message): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: INITIALIZED });
}

function openStream(response: ServerResponse): ServerResponse {
  response.on('error', () => {});
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}

/** Streamable HTTP: a call gets a stream that can be taken up again, and that breaks off `afterMs`, if it does. */
async function serveResumable(afterMs?: number): Promise<{ server: TlsServer; asked: string[] }> {
  /** After which events streams were asked for. */
  const asked: string[] = [];
  const server = await startTlsServer({
    certificate,
    keepAliveMs: 400,
    onRequest: async (request, response) => {
      if (request.method === 'GET') {
        const after = request.headers['last-event-id'];
        if (after === undefined) return void response.writeHead(405).end();
        asked.push(String(after));
        return void openStream(response).write(': again\n\n');
      }
      const message = await readMessage(request);
      if (message.method === 'initialize') {
        return void response.setHeader('content-type', 'application/json').end(answerTo(message));
      }
      if (message.method !== 'tools/call') return void response.writeHead(202).end();
      openStream(response).write(`id: call-${message.id}\nretry: 20\ndata: \n\n`);
      if (afterMs !== undefined) setTimeout(() => response.destroy(), afterMs);
    },
  });
  opened.push(server);
  return { server, asked };
}

async function connectOverHttp(server: TlsServer, timeout: { idleMs?: number; totalMs?: number }) {
  const client = new Client({ name: 'test', version: '1' });
  opened.push(client);
  await client.connect(
    streamableHttpClient(`${server.url}/mcp`, { trust: certificate.pem, timeout }),
  );
  return client;
}

const failureOf = (call: Promise<unknown>): Promise<unknown> => call.then(String, (error) => error);

describe.each(['idleMs', 'totalMs'] as const)('a call that timeout.%s ended', (limit) => {
  it('is not taken up again, and keeps no connection', async () => {
    const { server, asked } = await serveResumable();
    const client = await connectOverHttp(server, { [limit]: 600 });
    const failures = await Promise.all(
      Array.from({ length: 5 }, () => failureOf(client.callTool({ name: 'slow' }))),
    );
    expect(new Set(failures.map((error) => explainTlsError(error)?.code))).toEqual(
      new Set(['MCP_TLS_TIMEOUT']),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(asked).toEqual([]);
    await eventually(() => expect(server.openConnections).toBe(0), 8000);
  });

  it('ends also while it is taken up again over another connection', async () => {
    const { server, asked } = await serveResumable(200);
    const client = await connectOverHttp(server, { [limit]: 1000 });
    const failure = await failureOf(
      client.callTool({ name: 'slow' }, undefined, { timeout: 9000 }),
    );
    expect(explainTlsError(failure)?.code).toBe('MCP_TLS_TIMEOUT');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(asked).toHaveLength(1);
    await eventually(() => expect(server.openConnections).toBe(0), 8000);
  });
});

it('a call over SSE whose request is taken after its stream has ended ends then', async () => {
  let streams = 0;
  let stream: ServerResponse | undefined;
  const server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      if (request.method === 'GET') {
        streams++;
        stream = openStream(response);
        // It is asked for again in a minute.
        return void stream.write('retry: 60000\nevent: endpoint\ndata: /messages\n\n');
      }
      const message = await readMessage(request);
      if (message.method === 'initialize') stream?.write(`data: ${answerTo(message)}\n\n`);
      if (message.method === 'tools/call') {
        stream?.end();
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      response.writeHead(202).end();
    },
  });
  const client = new Client({ name: 'test', version: '1' });
  opened.push(server, client);
  await client.connect(sseClient(`${server.url}/sse`, { trust: certificate.pem }));
  const failure = await failureOf(client.callTool({ name: 'slow' }, undefined, { timeout: 9000 }));
  expect(explainTlsError(failure)?.code).toBe('MCP_TLS_BAD_ANSWER');
  expect(streams).toBe(1);
});
