import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, sseClient, streamableHttpClient } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { streamableHttpClient as streamableHttpClientV2 } from '../../src/v2.js';
import { eventually } from '../support/waiting.js';

/** Calls that their caller gave up, by a time limit or a signal, at a server that says nothing more. */

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
  readonly params?: Readonly<Record<string, unknown>>;
}

/** How a server takes a call that it will never answer. */
type Silence = 'no head' | 'an open stream' | 'a stream that can be taken up again';

const INITIALIZED = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'silent', version: '1' },
};

async function serveSilence(silence: Silence) {
  const seen: string[] = [];
  let stream: ServerResponse | undefined;
  const server = await startTlsServer({
    certificate,
    // Idle ones are of no interest here.
    keepAliveMs: 400,
    onRequest: async (request, response) => {
      response.on('error', () => {});
      if (request.method === 'GET') {
        seen.push(`GET ${request.headers['last-event-id'] ?? ''}`.trim());
        if (!request.url?.startsWith('/sse')) return void response.writeHead(405).end();
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
        return void response.write('event: endpoint\ndata: /messages\n\n');
      }
      const message = await readMessage(request);
      seen.push(message.method ?? '');
      const answer = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: INITIALIZED });
      if (message.method === 'initialize') {
        if (stream === undefined)
          response.setHeader('content-type', 'application/json').end(answer);
        else {
          response.writeHead(202).end();
          stream.write(`data: ${answer}\n\n`);
        }
      } else if (message.method === 'notifications/initialized') response.writeHead(202).end();
      else if (message.method === 'notifications/cancelled') {
        seen.push(`cancelled ${message.params?.['requestId']}`);
        response.writeHead(202).end();
      } else if (silence !== 'no head') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const id = silence === 'an open stream' ? '' : `id: call-${message.id}\nretry: 1\n`;
        response.write(`${id}data: \n\n`);
      }
    },
  });
  opened.push(server);
  return { server, seen };
}

async function readMessage(request: IncomingMessage): Promise<Message> {
  let text = '';
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

async function connect(kind: 'http' | 'sse', url: string, more: object = {}) {
  const options = { trust: certificate.pem, ...more };
  const client = new Client({ name: 'test', version: '1' });
  const errors: Error[] = [];
  client.onerror = (error) => errors.push(error);
  opened.push(client);
  const transport =
    kind === 'http'
      ? streamableHttpClient(`${url}/mcp`, options)
      : sseClient(`${url}/sse`, options);
  await client.connect(transport);
  return { client, errors };
}

describe.each<['http' | 'sse', Silence]>([
  ['http', 'no head'],
  ['http', 'an open stream'],
  ['http', 'a stream that can be taken up again'],
  ['sse', 'no head'],
])('calls over %s that are answered by %s', (kind, silence) => {
  it('hold no connection once they were given up, and the server receives a cancellation', async () => {
    const { server, seen } = await serveSilence(silence);
    const { client, errors } = await connect(kind, server.url);
    const abort = new AbortController();
    const calls = Array.from({ length: 20 }, (_, i) =>
      client
        .callTool({ name: 'slow' }, undefined, i === 0 ? { timeout: 1500 } : abort)
        .catch((error) => error.code),
    );
    await eventually(() =>
      expect(seen.filter((one) => one === 'tools/call').length).toBeGreaterThanOrEqual(20),
    );
    abort.abort();
    expect(new Set(await Promise.all(calls))).toEqual(new Set([-32_001]));
    await eventually(() => expect(server.openConnections).toBeLessThanOrEqual(1), 8000);
    await eventually(() =>
      expect(seen.filter((one) => one.startsWith('cancelled '))).toHaveLength(20),
    );
    expect(seen.filter((one) => one.startsWith('GET call-'))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('leave a call beside them alone', async () => {
    const { server } = await serveSilence(silence);
    const { client } = await connect(kind, server.url);
    const abort = new AbortController();
    const given = client.callTool({ name: 'slow' }, undefined, { signal: abort.signal });
    let other = 'waits';
    client.callTool({ name: 'slow' }, undefined, { timeout: 60_000 }).catch(() => {
      other = 'ended';
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort(new Error('given up'));
    await expect(given).rejects.toThrow('given up');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(other).toBe('waits');
  });
});

describe('an event stream that ends at once and says `retry: 0`', () => {
  it.each(['http', 'sse'] as const)('is asked for again about once a second (%s)', async (kind) => {
    let gets = 0;
    const server = await startTlsServer({
      certificate,
      onRequest: async (request, response) => {
        response.on('error', () => {});
        if (request.method === 'GET') {
          gets++;
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          const endpoint =
            kind === 'sse' ? 'event: endpoint\ndata: /messages\n' : 'id: 1\ndata: \n';
          const isFirstOfSse = kind === 'sse' && gets === 1;
          response.write(`retry: 0\n${endpoint}\n`);
          if (!isFirstOfSse) response.end();
          else stream = response;
          return;
        }
        const message = await readMessage(request);
        if (message.method !== 'initialize') return void response.writeHead(202).end();
        const answer = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: INITIALIZED });
        if (kind === 'http') {
          return void response.setHeader('content-type', 'application/json').end(answer);
        }
        response.writeHead(202).end();
        stream?.end(`data: ${answer}\n\n`);
      },
    });
    let stream: ServerResponse | undefined;
    opened.push(server);
    await connect(kind, server.url);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(gets).toBeGreaterThanOrEqual(5);
    expect(gets).toBeLessThan(20);
  });
});

it('a call that is given up while it waits for its turn is not sent', async () => {
  const { server, seen } = await serveSilence('no head');
  const { client } = await connect('http', server.url);
  const abort = new AbortController();
  abort.abort(new Error('before'));
  const call = client.callTool({ name: 'slow' }, undefined, { signal: abort.signal });
  const error = await call.catch((e: unknown) => e);
  expect(explainTlsError(error)).toBeUndefined();
  expect(seen).not.toContain('tools/call');
});

describe.each(['http', 'sse'] as const)(
  'a call over %s that is given up before its request',
  (kind) => {
    it.each([
      ['in the same turn', 0],
      ['while the SDK waits for a token', 100],
    ])('%s is not sent', async (_when, tokenMs) => {
      const { server, seen } = await serveSilence('no head');
      const { client, errors } = await connect(kind, server.url, {
        ...(tokenMs > 0 && { authProvider: slowProvider(tokenMs) }),
      });
      const before = seen.length;
      const abort = new AbortController();
      const calls = Array.from({ length: 5 }, () =>
        client.callTool({ name: 'slow' }, undefined, abort).catch((error) => error.code),
      );
      if (tokenMs > 0) await sleep(20);
      abort.abort();
      expect(new Set(await Promise.all(calls))).toEqual(new Set([-32_001]));
      await eventually(() =>
        expect(seen.filter((one) => one.startsWith('cancelled '))).toHaveLength(5),
      );
      expect(seen.slice(before)).not.toContain('tools/call');
      await eventually(() => expect(server.openConnections).toBeLessThanOrEqual(1), 8000);
      expect(errors).toEqual([]);
    });
  },
);

it('a call of SDK v2 that is given up while it waits for a token is not sent', async () => {
  const { server, seen } = await serveSilence('no head');
  const client = new ClientV2({ name: 'test', version: '1' });
  opened.push(client);
  const authProvider = { token: () => sleep(100, 'token') };
  const options = { trust: certificate.pem, authProvider };
  await client.connect(streamableHttpClientV2(`${server.url}/mcp`, options));
  const abort = new AbortController();
  const call = client.callTool({ name: 'slow' }, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('given up')), 20);
  await expect(call).rejects.toThrow();
  await sleep(300);
  expect(seen).not.toContain('tools/call');
});

/** One that keeps its token where it takes a while to read. */
function slowProvider(ms: number): OAuthClientProvider {
  return {
    redirectUrl: 'http://127.0.0.1/callback',
    clientMetadata: { redirect_uris: [] },
    clientInformation: () => undefined,
    tokens: () => sleep(ms, { access_token: 'token', token_type: 'Bearer' }),
    saveTokens() {},
    redirectToAuthorization() {},
    saveCodeVerifier() {},
    codeVerifier: () => '',
  };
}
