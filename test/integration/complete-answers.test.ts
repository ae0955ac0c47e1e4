import type { ServerResponse } from 'node:http';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, streamableHttpClient } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { streamableHttpClient as streamableHttpClientV2 } from '../../src/v2.js';

/** Calls over Streamable HTTP whose request was answered in full, and whose own answer is not in it. */

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
  serverInfo: { name: 'answers otherwise', version: '1' },
};
const RESULT = { content: [{ type: 'text', text: 'late' }] };

interface Answering {
  /** How a call is answered. */
  readonly call: (response: ServerResponse, id: number) => void;
  /** How the stream is answered that it is taken up again by. */
  readonly resume?: (response: ServerResponse) => void;
  /** How the stream is answered that belongs to no call; 405 where nothing is said. */
  readonly standing?: (response: ServerResponse) => void;
}

async function serve({ call, resume, standing }: Answering): Promise<string> {
  const server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      response.on('error', () => {});
      let text = '';
      for await (const piece of request) text += piece;
      if (request.method === 'GET') {
        const isResumption = request.headers['last-event-id'] !== undefined;
        const answer = isResumption ? resume : standing;
        return void (answer === undefined ? response.writeHead(405).end() : answer(response));
      }
      if (request.method !== 'POST') return void response.writeHead(200).end();
      const { id, method } = JSON.parse(text);
      if (method === 'server/discover') return void response.writeHead(404).end();
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'initialize') return json(response, { id, result: INITIALIZED });
      call(response, id);
    },
  });
  opened.push(server);
  return `${server.url}/mcp`;
}

function json(response: ServerResponse, body: object | readonly object[]): void {
  const text = Array.isArray(body) ? body : { jsonrpc: '2.0', ...body };
  response.setHeader('content-type', 'application/json').end(JSON.stringify(text));
}

function stream(response: ServerResponse, type = 'text/event-stream'): ServerResponse {
  return response.writeHead(200, { 'content-type': type });
}

const resumable = (response: ServerResponse): void =>
  void stream(response).end('id: a\nretry: 5\ndata:\n\n');

describe.each(['v1', 'v2'] as const)('over SDK %s, a call', (sdk) => {
  /** Makes a call that the SDK itself ends after 15 s only. */
  const call = async (url: string, timeout = {}): Promise<unknown> => {
    const options = { trust: certificate.pem, timeout };
    const info = { name: 'test', version: '1' };
    const client = (sdk === 'v1' ? new Client(info) : new ClientV2(info)) as Client;
    opened.push(client);
    const transport =
      sdk === 'v1' ? streamableHttpClient(url, options) : streamableHttpClientV2(url, options);
    await client.connect(transport as never);
    const limit = { timeout: 15_000 };
    return await (sdk === 'v1'
      ? client.callTool({ name: 'x' }, undefined, limit)
      : client.callTool({ name: 'x' }, limit as never));
  };
  const codeOf = (url: string, timeout = {}): Promise<unknown> =>
    call(url, timeout).then(
      () => 'answered',
      (error) => explainTlsError(error)?.code ?? error,
    );

  it.each<[string, Answering]>([
    ['202', { call: (response) => response.writeHead(202).end() }],
    [
      'the answer to another call',
      { call: (response) => json(response, { id: 999, result: RESULT }) },
    ],
    ['an empty batch', { call: (response) => json(response, []) }],
    [
      'a notification',
      {
        call: (response) =>
          json(response, { method: 'notifications/message', params: { level: 'info', data: 1 } }),
      },
    ],
    [
      'an event stream whose type has capitals, and which ends',
      { call: (response) => void stream(response, 'Text/Event-Stream').end(': x\n\n') },
    ],
  ])('that is answered by %s ends at once', async (_, answering) => {
    expect(await codeOf(await serve(answering))).toBe('MCP_TLS_BAD_ANSWER');
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['405', (response) => response.writeHead(405).end()],
    ['204', (response) => response.writeHead(204).end()],
    ['202', (response) => response.writeHead(202).end()],
    ['a page', (response) => void stream(response, 'text/html').end('<html>')],
    ['a stream that ends', (response) => void stream(response, 'Text/Event-Stream').end(': x\n\n')],
  ])('whose stream is asked for again, and answered by %s, ends at once', async (_, resume) => {
    expect(await codeOf(await serve({ call: resumable, resume }))).toBe('MCP_TLS_BAD_ANSWER');
  });

  it('that is answered by an event stream whose type has capitals gets its answer', async () => {
    const answer = (response: ServerResponse, id: number) =>
      stream(response, 'TEXT/Event-Stream; charset=utf-8').end(
        `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: RESULT })}\n\n`,
      );
    expect(await call(await serve({ call: answer }))).toMatchObject(RESULT);
  });

  const standingStream = () => {
    let standing: ServerResponse | undefined;
    const open = (response: ServerResponse): void => {
      standing = stream(response);
      standing.write(':\n\n');
    };
    return { open, write: (text: string) => standing?.write(text) };
  };

  it('that is only taken (202) gets its answer over the standing stream', async () => {
    const standing = standingStream();
    const answering: Answering = {
      standing: standing.open,
      call: (response, id) => {
        response.writeHead(202).end();
        const answer = JSON.stringify({ jsonrpc: '2.0', id, result: RESULT });
        setTimeout(() => standing.write(`data: ${answer}\n\n`), 200);
      },
    };
    expect(await call(await serve(answering))).toMatchObject(RESULT);
  });

  it('that is only taken (202) beside a standing stream ends by totalMs', async () => {
    const answering: Answering = {
      standing: standingStream().open,
      call: (response) => response.writeHead(202).end(),
    };
    expect(await codeOf(await serve(answering), { totalMs: 700 })).toBe('MCP_TLS_TIMEOUT');
  });

  it('that is only taken (202) ends when the standing stream is refused', async () => {
    const answering: Answering = {
      standing: (response) => void setTimeout(() => response.writeHead(405).end(), 400),
      call: (response) => response.writeHead(202).end(),
    };
    expect(await codeOf(await serve(answering))).toBe('MCP_TLS_BAD_ANSWER');
  });
});
