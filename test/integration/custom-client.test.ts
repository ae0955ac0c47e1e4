import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import {
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { certificate, echo, factoryFor, opened, serve } from './custom-client-setup.js';

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
