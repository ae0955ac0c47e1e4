import { Buffer } from 'node:buffer';
import { getEventListeners } from 'node:events';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type CustomClientFactory,
  type CustomClientFactoryOptions,
  explainTlsError,
  makeCustomClientFactory,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
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

async function serve(onRequest?: RequestHandler): Promise<TlsServer> {
  const server = await startTlsServer({ certificate, ...(onRequest && { onRequest }) });
  opened.push(server);
  return server;
}

function factoryFor(
  trust: TrustInput = certificate.pem,
  options?: CustomClientFactoryOptions,
): CustomClientFactory {
  const factory = makeCustomClientFactory(trust, options);
  opened.push(factory);
  return factory;
}

const echo: RequestHandler = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
};

describe('connections', () => {
  it('are shared: calls one after another, over a client each, are one handshake', async () => {
    const server = await serve(echo);
    const factory = factoryFor();
    for (let i = 0; i < 100; i++) {
      const client = factory({ url: server.url });
      await (await client(server.url, { method: 'POST', body: `${i}` })).json();
      await client.close();
    }
    expect(server.records).toMatchObject({ connections: 1, requests: { length: 100 } });
  });

  it('that the server has closed lose no POST', async () => {
    const server = await serve(echo);
    const client = factoryFor()();
    for (let i = 0; i < 20; i++) {
      const response = await client(server.url, { method: 'POST', body: `${i}` });
      expect(await response.json()).toMatchObject({ body: `${i}` });
      server.rotate(certificate, { dropConnections: true });
      await expect.poll(() => server.openConnections).toBe(0);
    }
    expect(server.records).toMatchObject({ connections: 20, requests: { length: 20 } });
  });

  /** Answers the first request of a connection, and breaks it at the second. */
  function breaksWhenReused(): RequestHandler {
    const used = new WeakSet<object>();
    return (request, response) => {
      if (used.has(request.socket)) {
        request.socket.destroy();
        return;
      }
      used.add(request.socket);
      response.end('answered');
    };
  }

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('that break lose no %s', async (method) => {
    const server = await serve(breaksWhenReused());
    const client = factoryFor()();
    const send = async () => (await client(server.url, { method })).text();
    const all = [await send(), await send(), await send()];
    expect(all).toEqual(['answered', 'answered', 'answered']);
    expect(server.records.connections).toBe(3);
  });

  it('that break are not given a second chance with what could happen twice', async () => {
    const server = await serve(breaksWhenReused());
    const client = factoryFor()();
    const send = (init: RequestInit) => client(server.url, init);
    await (await send({ method: 'POST', body: 'a' })).text();
    await expect(send({ method: 'POST', body: 'b' })).rejects.toMatchObject({
      cause: { code: 'MCP_TLS_UNREACHABLE' },
    });
    const stream = new Blob(['c']).stream();
    await (await send({})).text();
    await expect(
      send({ method: 'PUT', body: stream, duplex: 'half' } as RequestInit),
    ).rejects.toThrow(TypeError);
    expect(server.records.requests.map(({ method }) => method)).toEqual([
      'POST',
      'POST',
      'GET',
      'PUT',
    ]);
  });

  it('are tried again once, and not for ever', async () => {
    let requests = 0;
    const server = await serve((request, response) => {
      if (requests++ === 0) response.end();
      else request.socket.destroy();
    });
    const client = factoryFor()();
    await (await client(server.url)).text();
    await expect(client(server.url)).rejects.toThrow(TypeError);
    expect(requests).toBe(3);
  });
});

describe('the answer', () => {
  it('is a global Response with url, redirected and headers', async () => {
    const server = await serve(echo);
    const response = await factoryFor()()(`${server.url}/a?b=c#fragment`);
    expect(response).toBeInstanceOf(globalThis.Response);
    expect(response).toMatchObject({
      status: 200,
      ok: true,
      statusText: 'OK',
      url: `${server.url}/a?b=c`,
      redirected: false,
    });
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const clone = response.clone();
    expect(clone.url).toBe(response.url);
    expect(await clone.json()).toEqual(await response.json());
  });

  it.each([204, 205, 304])('has no body with status %i', async (status) => {
    const server = await serve((_request, response) => void response.writeHead(status).end());
    const response = await factoryFor()()(server.url);
    expect(response).toMatchObject({ status, body: null });
  });

  it('has no body for HEAD', async () => {
    const server = await serve(echo);
    const response = await factoryFor()()(server.url, { method: 'HEAD' });
    expect(await response.text()).toBe('');
  });

  it.each([
    ['gzip', gzipSync('hello '.repeat(5000))],
    ['br', brotliCompressSync('hello '.repeat(5000))],
    ['deflate', deflateSync('hello '.repeat(5000))],
    ['deflate, gzip', gzipSync(deflateSync('hello '.repeat(5000)))],
  ])('is decoded: %s', async (encoding, bytes) => {
    const server = await serve((_request, response) => {
      response.setHeader('content-encoding', encoding);
      response.end(bytes);
    });
    const response = await factoryFor()()(server.url);
    expect(await response.text()).toBe('hello '.repeat(5000));
  });

  it('gives out a compressed event stream as it comes', async () => {
    const { createGzip } = await import('node:zlib');
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      const gzip = createGzip();
      gzip.pipe(response);
      gzip.write('data: 1\n\n');
      gzip.flush();
    });
    const response = await factoryFor()()(server.url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    expect(Buffer.from(value as Uint8Array).toString()).toBe('data: 1\n\n');
    await reader.cancel();
  });

  it('can be read in every way, once', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-type', 'application/x-www-form-urlencoded');
      response.end('a=1&b=2');
    });
    const client = factoryFor()();
    const ask = () => client(server.url);
    const bytes = new TextEncoder().encode('a=1&b=2');
    expect(await (await ask()).text()).toBe('a=1&b=2');
    expect(new Uint8Array(await (await ask()).arrayBuffer())).toEqual(bytes);
    expect(await (await (await ask()).blob()).text()).toBe('a=1&b=2');
    expect((await (await ask()).formData()).get('b')).toBe('2');
    await expect((await ask()).json()).rejects.toThrow(SyntaxError);
    const reader = ((await ask()).body as ReadableStream).getReader();
    expect(Buffer.from((await reader.read()).value).toString()).toBe('a=1&b=2');
    const passedOn = await ask();
    expect(await new Response(passedOn.body, passedOn).text()).toBe('a=1&b=2');

    for (const read of ['text', 'json', 'arrayBuffer', 'blob', 'formData'] as const) {
      const response = await ask();
      expect(response.bodyUsed).toBe(false);
      await response[read]().catch(() => {});
      expect(response.bodyUsed).toBe(true);
      for (const again of ['text', 'json', 'arrayBuffer', 'blob', 'formData'] as const) {
        await expect(response[again]()).rejects.toThrow(TypeError);
      }
      expect(() => response.clone()).toThrow(TypeError);
      expect(response.body?.locked ?? true).toBe(true);
      expect(response).toMatchObject({
        status: 200,
        type: expect.any(String),
        url: `${server.url}/`,
      });
    }
    const streamed = await ask();
    await streamed.body?.cancel();
    await expect(streamed.text()).rejects.toThrow(TypeError);
    const locked = await ask();
    expect(locked.body).toBe(locked.body);
    locked.body?.getReader();
    expect(locked).toMatchObject({ bodyUsed: false, type: 'default', status: 200 });
    await expect(locked.text()).rejects.toThrow(TypeError);
    expect(() => locked.clone()).toThrow(TypeError);
    const cloned = await ask();
    const streams = [cloned.clone().body, cloned.body] as ReadableStream[];
    for (const stream of streams) expect(await new Response(stream).text()).toBe('a=1&b=2');
  });

  it('drops a byte order mark from text, as fetch does, and takes megabytes', async () => {
    const text = 'ä'.repeat(3_000_000);
    const server = await serve((_request, response) => void response.end(`\uFEFF${text}`));
    expect(await (await factoryFor()()(server.url)).text()).toBe(text);
  });

  it('rejects where the body is no valid gzip', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end('not gzip');
    });
    const response = await factoryFor()()(server.url);
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  it('is a byte stream with back-pressure down to the socket', async () => {
    let sent = 0;
    const server = await serve((_request, response) => {
      const chunk = Buffer.alloc(65_536);
      const write = () => {
        while (sent < 64 * 1024 * 1024 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return response.once('drain', write);
        }
        return response.end();
      };
      write();
    });
    const response = await factoryFor()()(server.url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
    const { value } = await reader.read(new Uint8Array(1000));
    expect(value?.byteLength).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    await reader.cancel();
  });

  it('fails in the middle when the server goes away', async () => {
    const server = await serve();
    server.stall('body');
    const response = await factoryFor()()(server.url);
    const text = response.text();
    server.dropConnections();
    await expect(text).rejects.toThrow(TypeError);
  });
});

describe('the request', () => {
  it.each<[string, RequestInit['body'], string, string | undefined]>([
    ['a string', 'text', 'text', 'text/plain;charset=UTF-8'],
    ['bytes', Buffer.from('bytes'), 'bytes', undefined],
    ['an ArrayBuffer', new TextEncoder().encode('buffer').buffer, 'buffer', undefined],
    ['a DataView', new DataView(new TextEncoder().encode('view').buffer), 'view', undefined],
    [
      'URLSearchParams',
      new URLSearchParams({ a: '1', b: 'é' }),
      'a=1&b=%C3%A9',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['a Blob', new Blob(['blob'], { type: 'text/x-b' }), 'blob', 'text/x-b'],
    ['a stream', new Blob(['stream']).stream(), 'stream', undefined],
  ])('carries %s', async (_what, body, text, type) => {
    const server = await serve(echo);
    const response = await factoryFor()()(server.url, {
      method: 'post',
      body,
      duplex: 'half',
    } as RequestInit);
    const seen = (await response.json()) as {
      method: string;
      body: string;
      headers: Record<string, string>;
    };
    expect(seen).toMatchObject({ method: 'POST', body: text });
    expect(seen.headers['content-type']).toBe(type);
  });

  it('carries FormData', async () => {
    const server = await serve(echo);
    const body = new FormData();
    body.set('field', 'value');
    const response = await factoryFor()()(server.url, { method: 'POST', body });
    const seen = (await response.json()) as { body: string; headers: Record<string, string> };
    expect(seen.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(seen.body).toContain('name="field"');
  });

  it('takes a Request', async () => {
    const server = await serve(echo);
    const request = new Request(`${server.url}/r`, {
      method: 'PUT',
      body: 'x',
      headers: { a: 'b' },
    });
    const response = await factoryFor()()(request);
    expect(await response.json()).toMatchObject({
      method: 'PUT',
      url: '/r',
      body: 'x',
      headers: { a: 'b' },
    });
  });

  it('refuses a dispatcher of the caller, a body with GET, credentials in the URL', async () => {
    const server = await serve();
    const client = factoryFor()();
    const dispatcher = { dispatch() {} };
    await expect(client(server.url, { dispatcher } as object)).rejects.toThrow(/dispatcher/);
    await expect(client(server.url, { body: 'x' })).rejects.toThrow(TypeError);
    const withPassword = server.url.replace('//', '//user:hunter2@');
    const error = await client(withPassword).catch((e: Error) => e);
    expect(String(error)).not.toContain('hunter2');
    await expect(client(server.url, { headers: { 'content-length': 'x' } })).rejects.toThrow(
      TypeError,
    );
    expect(server.records.applicationBytes).toBe(0);
  });

  it('refuses plain http before anything is sent', async () => {
    const error = await factoryFor()()('http://127.0.0.1:9/').catch((e: unknown) => e);
    expect(explainTlsError(error)).toMatchObject({ code: 'MCP_TLS_PLAIN_HTTP_REFUSED', port: 9 });
  });

  it('verifies the host of the URL, whatever the host header says', async () => {
    const other = await heldCertificate({ dns: ['other.example'] });
    const server = await startTlsServer({ certificate: other });
    opened.push(server);
    const client = factoryFor(other.pem)();
    const error = await client(server.url, { headers: { host: 'other.example' } }).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_NAME_MISMATCH');
    expect(server.records.applicationBytes).toBe(0);
  });
});

describe('one policy, one origin', () => {
  it('holds for the origin of url only; elsewhere a policy of their own, or public addresses', async () => {
    const [mine, theirs] = [await serve(echo), await serve(echo)];
    const url = `${mine.url}/mcp`;
    const client = factoryFor()({ url });
    expect((await client(url)).ok).toBe(true);
    const error = await client(theirs.url).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(theirs.records.connections).toBe(0);

    const origins = { [theirs.url]: certificate.pem };
    const both = factoryFor(certificate.pem, { origins })({ url });
    expect((await both(theirs.url)).ok).toBe(true);
  });

  it('gives headers and auth to that origin only', async () => {
    const [mine, theirs] = [await serve(echo), await serve(echo)];
    const origins = { [theirs.url]: certificate.pem };
    const factory = factoryFor(certificate.pem, { origins });
    const client = factory({ url: mine.url, headers: { 'x-api-key': 'k' }, auth: 'token' });
    const seen = async (url: string, init?: RequestInit) =>
      ((await (await client(url, init)).json()) as { headers: Record<string, string> }).headers;
    expect(await seen(mine.url)).toMatchObject({ 'x-api-key': 'k', authorization: 'Bearer token' });
    const elsewhere = await seen(theirs.url);
    expect(elsewhere).not.toHaveProperty('x-api-key');
    expect(elsewhere).not.toHaveProperty('authorization');
    const own = { headers: { authorization: 'Basic own', 'x-api-key': 'own' } };
    expect(await seen(mine.url, own)).toMatchObject({
      'x-api-key': 'own',
      authorization: 'Basic own',
    });
  });

  it('does not wait for an auth function longer than for the request', async () => {
    const server = await serve();
    const factory = factoryFor(null);
    const never = () => new Promise<string>(() => {});
    const client = factory({ url: server.url, auth: never });
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(client(server.url, { signal })).rejects.toThrow('too late');
    const waiting = client(server.url);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await client.close();
    await expect(waiting).rejects.toMatchObject({ cause: { code: 'MCP_TLS_CLOSED' } });
  });

  it('asks an auth function for each request, and makes Basic of a name and password', async () => {
    const server = await serve(echo);
    const authorization = async (client: typeof fetch) =>
      ((await (await client(server.url)).json()) as { headers: { authorization?: string } }).headers
        .authorization;
    let n = 0;
    const factory = factoryFor();
    const counting = factory({ url: server.url, auth: async () => `t${++n}` });
    expect([await authorization(counting), await authorization(counting)]).toEqual([
      'Bearer t1',
      'Bearer t2',
    ]);
    const basic = factory({ url: server.url, auth: { username: 'u', password: 'p:ä' } });
    expect(await authorization(basic)).toBe(`Basic ${Buffer.from('u:p:ä').toString('base64')}`);
  });
});

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308] as const)(
    'follows %i for GET within the origin',
    async (status) => {
      const server = await serve((request, response) => {
        if (request.url === '/to') return void response.end('there');
        return void response.writeHead(status, { location: '/to' }).end();
      });
      const response = await factoryFor()()(`${server.url}/from`);
      expect(response).toMatchObject({ url: `${server.url}/to`, redirected: true });
      expect(await response.text()).toBe('there');
    },
  );

  it.each([307, 308] as const)('repeats a POST for %i within the origin', async (status) => {
    const server = await serve((request, response) => {
      if (request.url === '/to') return echo(request, response);
      return void response.writeHead(status, { location: '/to' }).end();
    });
    const response = await factoryFor()()(`${server.url}/`, { method: 'POST', body: 'again' });
    expect(await response.json()).toMatchObject({ method: 'POST', body: 'again' });
  });

  it.each<[string, number, (server: TlsServer) => string, RequestInit]>([
    ['to another origin', 307, () => 'https://127.0.0.1:9/x', {}],
    ['to another port name', 302, (server) => server.urlFor('localhost', '/x'), {}],
    ['down to http', 308, (server) => server.url.replace('https', 'http'), {}],
    ['to another scheme', 302, () => 'file:///etc/passwd', {}],
    ['with credentials', 302, (server) => server.url.replace('//', '//u:p@'), {}],
    ['to nowhere', 302, () => 'https://', {}],
    ['that makes a GET of a POST', 303, () => '/x', { method: 'POST', body: 'b' }],
    [
      'of a stream',
      307,
      () => '/x',
      { method: 'POST', body: new Blob(['b']).stream(), duplex: 'half' } as RequestInit,
    ],
    ["under redirect: 'error'", 302, () => '/x', { redirect: 'error' }],
    ['without end', 302, () => '/loop', {}],
  ])('refuses one %s', async (_what, status, location, init) => {
    const server: TlsServer = await serve((_request, response) => {
      response.writeHead(status, { location: location(server) }).end();
    });
    const error = await factoryFor()()(`${server.url}/`, init).catch((e) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_REDIRECT_REFUSED');
  });

  it("hands a redirect out under redirect: 'manual'", async () => {
    const server = await serve();
    server.redirectTo('http://127.0.0.1:9/', 302);
    const response = await factoryFor()()(server.url, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('http://127.0.0.1:9/');
  });
});

describe('limits and endings', () => {
  it.each([
    ['connectMs', 'handshake', { connectMs: 80 }],
    ['headersMs', 'headers', { headersMs: 80 }],
    ['totalMs, connecting', 'handshake', { totalMs: 80 }],
    ['totalMs, waiting', 'headers', { totalMs: 80 }],
  ] as const)('times out: %s', async (_what, where, timeout) => {
    const server = await serve();
    server.stall(where);
    const error = await factoryFor()({ timeout })(server.url).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
    expect((error as Error).message).toContain('did not answer in time');
  });

  it.each([
    ['idleMs', { idleMs: 80 }],
    // Connecting counts, and a loaded machine takes its time for it.
    ['totalMs', { totalMs: 1_500 }],
  ] as const)('times out: %s', async (_what, timeout) => {
    const server = await serve();
    server.stall('body');
    const response = await factoryFor()({ timeout })(server.url);
    const error = await response.text().catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
  });

  it("aborts with the caller's reason: before, while connecting, waiting, reading", async () => {
    const server = await serve();
    const client = factoryFor()();
    const reason = new Error('enough');
    await expect(client(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const where of ['handshake', 'headers'] as const) {
      server.recover();
      server.dropConnections();
      server.stall(where);
      const controller = new AbortController();
      const pending = client(server.url, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 50);
      await expect(pending).rejects.toBe(reason);
    }
    server.recover();
    server.stall('body');
    const controller = new AbortController();
    const fresh = factoryFor()();
    const response = await fresh(server.url, { signal: controller.signal });
    const text = response.text();
    controller.abort(reason);
    await expect(text).rejects.toBe(reason);
  });

  it('leaves no listener on a signal that lives on', async () => {
    const server = await serve(echo);
    const client = factoryFor()();
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) await (await client(server.url, { signal })).text();
    await client(`https://127.0.0.1:9/`, { signal }).catch(() => {});
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('prints no warning about 50 requests at a time on one signal', async () => {
    const server = await serve(echo);
    const { signal } = new AbortController();
    const warned = vi.fn();
    process.on('warning', warned);
    const client = factoryFor()();
    await Promise.all(
      Array.from({ length: 50 }, async () => (await client(server.url, { signal })).text()),
    );
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warned.mock.calls).toEqual([]);
  });

  it('client.close() ends its requests and leaves the connections of the factory', async () => {
    const server = await serve(echo);
    const factory = factoryFor();
    const [one, two] = [factory(), factory()];
    server.stall('headers');
    const pending = one(server.url);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await one.close();
    const error = await pending.catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_CLOSED');
    server.recover();
    expect((await two(server.url)).ok).toBe(true);
    expect(explainTlsError(await one(server.url).catch((e) => e))?.code).toBe('MCP_TLS_CLOSED');
  });

  it('factory.close() ends everything for good, an open stream and a hung handshake included', async () => {
    const server = await serve();
    const factory = factoryFor();
    const client = factory();
    server.stall('body');
    const stream = await client(server.url);
    server.recover();
    server.stall('handshake');
    const hung = client(server.url).catch((e) => e);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const text = stream.text().catch((e) => e);
    await factory.close();
    expect(await text).toBeInstanceOf(Error);
    expect(explainTlsError(await hung)?.code).toBe('MCP_TLS_CLOSED');
    expect(explainTlsError(await client(server.url).catch((e) => e))?.code).toBe('MCP_TLS_CLOSED');
    expect(() => factory()).toThrow(expect.objectContaining({ code: 'MCP_TLS_CLOSED' }));
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('shares one pool among clients: 100 calls over 100 clients', async () => {
    const server = await serve(echo);
    const factory = factoryFor();
    for (let i = 0; i < 100; i++) await (await factory({ url: server.url })(server.url)).text();
    // Two, because undici gives a connection free only in the next turn of the event loop.
    expect(server.records.handshakes).toBeLessThanOrEqual(2);
  });

  it('verifies every new connection: a server that changes its certificate is refused', async () => {
    const server = await serve(echo);
    const client = factoryFor()();
    await (await client(server.url)).text();
    server.rotate(await heldCertificate(), { dropConnections: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = server.records.applicationBytes;
    const error = await client(server.url).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records).toMatchObject({ applicationBytes: before, resumedSessions: 0 });
  });

  it('keeps the connection when a short answer is cancelled', async () => {
    const server = await serve(
      (_request, response) => void response.writeHead(202).end('Accepted'),
    );
    const client = factoryFor()();
    for (let i = 0; i < 20; i++) {
      await (await client(server.url, { method: 'POST', body: '{}' })).body?.cancel();
    }
    expect(server.records.handshakes).toBeLessThanOrEqual(2);
  });

  it('a POST does not wait for a stream that never ends', async () => {
    const server = await serve((request, response) => {
      if (request.method === 'POST') return void response.end('answer');
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .write(': hi\n\n');
    });
    const client = factoryFor()();
    const stream = await client(server.url);
    expect(await (await client(server.url, { method: 'POST', body: '{}' })).text()).toBe('answer');
    await stream.body?.cancel();
  });
});

describe('bad input throws at construction', () => {
  it.each<[string, () => unknown]>([
    ['an unknown factory option', () => makeCustomClientFactory(null, { verify: false } as object)],
    [
      'an origin that is none',
      () => makeCustomClientFactory(null, { origins: { 'a.example': null } as never }),
    ],
    [
      'an origin with a path',
      () => makeCustomClientFactory(null, { origins: { 'https://a.example/x': null } }),
    ],
    [
      'a plain origin',
      () => makeCustomClientFactory(null, { origins: { 'http://a.example': null } as never }),
    ],
    [
      'an empty policy of an origin',
      () => makeCustomClientFactory(null, { origins: { 'https://a.example': '' } }),
    ],
    ['a negative timeout', () => makeCustomClientFactory(null, { timeout: -1 as never })],
    [
      'an unknown timeout',
      () => makeCustomClientFactory(null, { timeout: { total: 1 } as object }),
    ],
    ['an unknown client option', () => factoryFor(null)({ agent: {} } as object)],
    ['headers without url', () => factoryFor(null)({ headers: { a: 'b' } } as object)],
    ['auth without url', () => factoryFor(null)({ auth: 'token' } as object)],
    ['an http url', () => factoryFor(null)({ url: 'http://a.example' })],
    ['a url with credentials', () => factoryFor(null)({ url: 'https://u:p@a.example' })],
    ['an empty token', () => factoryFor(null)({ url: 'https://a.example', auth: '' })],
    [
      'a token with a line break',
      () => factoryFor(null)({ url: 'https://a.example', auth: 'a\r\nb' }),
    ],
    [
      'half an auth',
      () => factoryFor(null)({ url: 'https://a.example', auth: { username: 'u' } as never }),
    ],
  ])('%s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ name: 'TlsConfigError' }));
  });
});
