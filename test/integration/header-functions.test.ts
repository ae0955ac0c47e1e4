import { createHmac } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type CustomClient,
  explainTlsError,
  type HeadersRequest,
  type HeadersSource,
  makeCustomClientFactory,
  streamableHttpClient,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

let certificate: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function serve(onRequest: RequestHandler): Promise<TlsServer> {
  const server = await startTlsServer({ certificate, onRequest });
  opened.push(server);
  return server;
}

function clientOf(url: string, headers: HeadersSource, more: object = {}): CustomClient {
  const factory = makeCustomClientFactory(certificate.pem);
  opened.push(factory);
  return factory({ url, headers, ...more });
}

const echo: RequestHandler = (request, response) => {
  request.resume().on('end', () => response.end(JSON.stringify(request.headers)));
};

const sent = async (answer: Promise<Response>) =>
  (await (await answer).json()) as Record<string, string>;

const codeOf = async (answer: Promise<unknown>) =>
  explainTlsError(
    await answer.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )?.code;

describe('a function of headers', () => {
  it('is asked for each request, also where it answers later', async () => {
    const server = await serve(echo);
    let n = 0;
    const at = clientOf(server.url, () => ({ 'x-n': `${++n}` }));
    expect((await sent(at(server.url)))['x-n']).toBe('1');
    expect((await sent(at(server.url)))['x-n']).toBe('2');
    const later = clientOf(server.url, async () => new Headers({ 'x-n': `${++n}` }));
    expect((await sent(later(server.url)))['x-n']).toBe('3');
  });

  it('receives URL, method and body, so that it can sign them', async () => {
    const server = await serve(echo);
    const sign = ({ url, method, body = '' }: HeadersRequest) =>
      createHmac('sha256', 'key').update(`${method} ${url}\n`).update(body).digest('hex');
    const client = clientOf(server.url, (request) => [['x-signature', sign(request)]]);
    const url = `${server.url}/a?b=c`;
    const text = await sent(client(`${url}#fragment`, { method: 'POST', body: '{"a":"ä"}' }));
    expect(text['x-signature']).toBe(sign({ url, method: 'POST', body: '{"a":"ä"}' }));
    const bytes = Uint8Array.of(1, 2, 3);
    const binary = await sent(client(url, { method: 'PUT', body: bytes }));
    expect(binary['x-signature']).toBe(sign({ url, method: 'PUT', body: bytes }));
    expect((await sent(client(url)))['x-signature']).toBe(
      sign({ url, method: 'GET', body: undefined }),
    );
  });

  it('cannot change the body that it is shown, and sees no stream', async () => {
    const server = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      response.end(Buffer.concat(chunks));
    });
    const seen: unknown[] = [];
    const client = clientOf(server.url, ({ body }) => {
      seen.push(body);
      if (body instanceof Uint8Array) body.fill(0);
      return undefined;
    });
    const answer = await client(server.url, { method: 'POST', body: Buffer.from('abc') });
    expect(await answer.text()).toBe('abc');
    const stream = new Blob(['abc']).stream();
    const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    expect(await (await client(server.url, init)).text()).toBe('abc');
    expect(seen[1]).toBeUndefined();
  });

  it('gives way to the headers of a request, and leaves auth what it does not give', async () => {
    const server = await serve(echo);
    const client = clientOf(server.url, () => ({ 'x-a': 'function', 'x-b': 'function' }), {
      auth: 'token',
    });
    const answer = await sent(client(server.url, { headers: { 'X-A': 'request' } }));
    expect(answer).toMatchObject({ 'x-a': 'request', 'x-b': 'function' });
    expect(answer['authorization']).toBe('Bearer token');
    const own = clientOf(server.url, () => ({ authorization: 'Own scheme' }), { auth: 'token' });
    expect((await sent(own(server.url)))['authorization']).toBe('Own scheme');
  });

  it('is asked anew for a redirect within the origin, and for no other origin', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/b') return echo(request, response);
      response.writeHead(307, { location: '/b' }).end();
    });
    const other = await serve(echo);
    const urls: string[] = [];
    const client = makeCustomClientFactory(certificate.pem, {
      origins: { [new URL(other.url).origin]: certificate.pem },
    });
    opened.push(client);
    const at = client({
      url: server.url,
      headers: ({ url }) => {
        urls.push(new URL(url).pathname);
        return { 'x-path': new URL(url).pathname };
      },
    });
    expect((await sent(at(`${server.url}/a`)))['x-path']).toBe('/b');
    expect(urls).toEqual(['/a', '/b']);
    expect((await sent(at(other.url)))['x-path']).toBeUndefined();
    expect(urls).toHaveLength(2);
  });

  it('that fails, or gives what is none, rejects the request and sends nothing', async () => {
    const server = await serve(echo);
    const failing: HeadersSource[] = [
      () => {
        throw new Error('sesame');
      },
      async () => {
        throw new Error('sesame');
      },
      () => ({ 'x-a': 'sesame\nx-b: c' }),
      () => ({ 'no header': 'x' }),
      () => 5 as never,
      (() => null) as never,
    ];
    const codes: unknown[] = [];
    for (const headers of failing) {
      const client = clientOf(server.url, headers);
      const error = await client(server.url).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      codes.push(explainTlsError(error)?.code);
      if (error !== undefined) expect(String(error)).not.toContain('sesame');
    }
    // `null` is what many write for none.
    expect(codes).toEqual([...Array(5).fill('MCP_TLS_INVALID_ARGUMENT'), undefined]);
    expect(server.records.requests).toHaveLength(1);
  });

  it('is waited for no longer than for the request', async () => {
    const server = await serve(echo);
    const client = clientOf(server.url, () => new Promise(() => {}));
    const reason = new Error('enough');
    const answer = client(server.url, { signal: AbortSignal.abort(reason) });
    await expect(answer).rejects.toBe(reason);
    const closing = codeOf(client(server.url));
    setImmediate(() => void client.close());
    expect(await closing).toBe('MCP_TLS_CLOSED');
    expect(server.records.requests).toHaveLength(0);
  });

  it('needs a server, as fixed ones do', () => {
    const factory = makeCustomClientFactory(null);
    expect(() => factory({ headers: () => ({}) } as never)).toThrow('init.url');
  });

  it('works in a transport: each MCP request has its own', async () => {
    await using server = await startMcpServer({ certificate, transport: 'streamable-http' });
    let n = 0;
    const client = new Client({ name: 'headers', version: '1' });
    const trust = certificate.pem;
    await client.connect(
      streamableHttpClient(server.mcpUrl, { trust, headers: () => ({ 'x-n': `${++n}` }) }),
    );
    await client.listTools();
    await client.close();
    const seen = server.records.requests.map(({ headers }) => headers['x-n']);
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen).size).toBe(seen.length);
  });
});
