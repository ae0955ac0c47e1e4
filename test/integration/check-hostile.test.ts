import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

/** What a trusted server may answer to the ping of a check: nothing of it comes out, and it costs little. */

const { open, cleanups } = registryParts();
const TOKEN = 'tok3nSECRET';

async function checkOf(
  answer: (request: IncomingMessage, response: ServerResponse, message: Message) => void,
  options: object = {},
) {
  const certificate = await heldCertificate();
  const server = await startTlsServer({
    certificate,
    async onRequest(request, response) {
      let text = '';
      for await (const piece of request) text += piece;
      answer(request, response, text === '' ? {} : (JSON.parse(text) as Message));
    },
  });
  cleanups.push(() => server.close());
  const registry = open();
  const approved = { expectFingerprint: certificate.fingerprint };
  await registry.register('a', `${server.url}/mcp?query=QQQ`, approved);
  return registry.check('a', { auth: TOKEN, timeoutMs: 3_000, ...options });
}

interface Message {
  readonly id?: number;
  readonly method?: string;
}

const json = (response: ServerResponse, body: unknown): void => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
};

/** Initializes as it should, and answers the ping with this. */
const toPing =
  (answer: object) => (_request: IncomingMessage, response: ServerResponse, message: Message) => {
    const { id, method } = message;
    if (method === 'initialize') {
      return json(response, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18' } });
    }
    return id === undefined
      ? void response.writeHead(202).end()
      : json(response, { jsonrpc: '2.0', id, ...answer });
  };

describe('a check', () => {
  it('is ok where a ping is answered with a result, beside an error that is null too', async () => {
    expect(await checkOf(toPing({ result: {}, error: null }))).toMatchObject({ ok: true });
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['a text', { result: 'x' }],
    ['an error without a message', { error: { message: { toString: 1 } } }],
  ])('is not ok where a ping is answered with %s', async (_, answer) => {
    const checked = await checkOf(toPing(answer));
    expect(checked).toMatchObject({ ok: false, trusted: true, error: expect.any(Error) });
    expect(checked.error).not.toBeInstanceOf(TypeError);
  });

  it.each([['2025-06-18\r\nx: y'], ['9'.repeat(100_000)], [5]])(
    'is the fault of the server where it names the protocol version %j',
    async (protocolVersion) => {
      const checked = await checkOf((_request, response, { id }) =>
        json(response, { jsonrpc: '2.0', id, result: { protocolVersion } }),
      );
      expect(checked).toMatchObject({ ok: false, trusted: true, code: undefined });
    },
  );

  it.each<[string, (request: IncomingMessage, response: ServerResponse, m: Message) => void]>([
    [
      'a refusal',
      ({ headers, url }, response) =>
        void response.writeHead(500).end(`you said ${headers.authorization}${url}`),
    ],
    [
      'a wish for authorization',
      ({ headers, url }, response) =>
        void response.writeHead(401).end(`you said ${headers.authorization}${url}`),
    ],
    [
      'a JSON-RPC error',
      ({ headers, url }, response, { id }) =>
        json(response, {
          jsonrpc: '2.0',
          id,
          error: { code: 1, message: `${headers.authorization}${url}` },
        }),
    ],
    [
      'an endpoint that is no URL',
      ({ headers, url, method }, response) => {
        if (method === 'POST') return void response.writeHead(405).end();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`event: endpoint\ndata: http://[${headers.authorization}${url}\n\n`);
      },
    ],
  ])('repeats nothing of its request from %s', async (_, answer) => {
    const checked = await checkOf(answer);
    expect(checked.ok).toBe(false);
    const shown = inspect(checked, { depth: 9, showHidden: true });
    expect(shown).not.toContain(TOKEN);
    expect(shown).not.toContain('QQQ');
  });

  it('takes little of the time of the process for a stream of empty lines, and ends', async () => {
    const before = process.cpuUsage();
    const checked = await checkOf((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = (): void => {
        if (!response.destroyed && response.write('x\r'.repeat(8_192))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    });
    expect(checked).toMatchObject({ ok: false, trusted: true });
    // The server's own writing included. It was 7 s of 10.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_500);
  });

  it.each(['https://other.example/mcp', 'http://[', 'https://u:p@127.0.0.1/'])(
    'refuses the endpoint %j as an argument',
    async (endpoint) => {
      await expect(checkOf(toPing({ result: {} }), { endpoint })).rejects.toMatchObject({
        code: 'MCP_TLS_INVALID_ARGUMENT',
      });
    },
  );
});
