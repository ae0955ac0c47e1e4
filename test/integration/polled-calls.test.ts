import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { streamableHttpClient } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { streamableHttpClient as streamableHttpClientV2 } from '../../src/v2.js';

/** Calls of a server that ends their streams and has its client come back for the answers (SEP-1699). */

let certificate: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const INITIALIZED = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'polled', version: '1' },
};

/** @param polls how often the stream of a call is taken up again before its answer comes */
async function servePolled(polls: number): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      response.on('error', () => {});
      let text = '';
      for await (const piece of request) text += piece;
      const after = request.headers['last-event-id'];
      if (request.method === 'GET' && after === undefined) {
        return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n');
      }
      if (request.method === 'GET') {
        asked++;
        const [call, times] = String(after).split('/').map(Number);
        const result = { content: [{ type: 'text', text: `answer ${call}` }] };
        const answer = JSON.stringify({ jsonrpc: '2.0', id: call, result });
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const next = Number(times) + 1;
        const event = next < polls ? '' : answer;
        return void response.end(`id: ${call}/${next}\nretry: 1\ndata: ${event}\n\n`);
      }
      const { id, method } = JSON.parse(text || '{}');
      if (method === 'server/discover') return void response.writeHead(404).end();
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'initialize') {
        const answer = JSON.stringify({ jsonrpc: '2.0', id, result: INITIALIZED });
        return void response.setHeader('content-type', 'application/json').end(answer);
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`id: ${id}/0\nretry: 1\ndata:\n\n`);
    },
  });
  opened.push(server);
  return { url: `${server.url}/mcp`, asked: () => asked };
}

describe.each(['v1', 'v2'] as const)('SDK %s', (sdk) => {
  const connect = async (url: string) => {
    const options = { trust: certificate.pem };
    const info = { name: 'test', version: '1' };
    const client = sdk === 'v1' ? new Client(info) : new ClientV2(info);
    opened.push(client);
    const transport =
      sdk === 'v1' ? streamableHttpClient(url, options) : streamableHttpClientV2(url, options);
    await (client as Client).connect(transport as never);
    return client as Client;
  };

  it('has 40 calls at the same time answered that are polled once each', async () => {
    const { url, asked } = await servePolled(1);
    const client = await connect(url);
    const call = () =>
      sdk === 'v1'
        ? client.callTool({ name: 'x' }, undefined, { timeout: 12_000 })
        : client.callTool({ name: 'x' }, { timeout: 12_000 } as never);
    const answers = await Promise.allSettled(Array.from({ length: 40 }, call));
    expect(answers.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(asked()).toBe(40);
  }, 30_000);

  it('is held back where the stream of one call ends again and again', async () => {
    const { url, asked } = await servePolled(Number.POSITIVE_INFINITY);
    const client = await connect(url);
    client.callTool({ name: 'x' }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(asked()).toBeGreaterThanOrEqual(5);
    expect(asked()).toBeLessThan(20);
  });
});
