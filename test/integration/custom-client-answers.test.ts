import { Buffer } from 'node:buffer';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import { echo, factoryFor, serve } from './custom-client-setup.js';

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

  it.each([300_000, 2_000_000])(
    'takes no reset for the end of a body without a length, of which %i bytes are sent and not all read',
    async (bytes) => {
      const { chainPem: cert, keyPem: key, pem } = await heldCertificate();
      const below: Socket[] = [];
      const server = createServer({ cert, key }, (_request, response) => {
        response.shouldKeepAlive = false;
        response.useChunkedEncodingByDefault = false;
        response.write('x'.repeat(bytes));
      });
      server.on('connection', (socket: Socket) => below.push(socket.on('error', () => {})));
      server.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const factory = factoryFor({ ca: pem });
      // As instrumentation does: what is asked for once is remembered by the socket.
      const look = (message: unknown) => (message as { socket: Socket }).socket.remoteAddress;
      subscribe('undici:client:connected', look);
      onTestFinished(() => void unsubscribe('undici:client:connected', look));
      const { port } = server.address() as AddressInfo;
      const response = await factory()(`https://127.0.0.1:${port}`);
      expect(response.headers.get('content-length')).toBeNull();
      // As much as fits is on its way.
      await new Promise((resolve) => setTimeout(resolve, 100));
      below[0]?.resetAndDestroy();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const read = response.text().then(
        (text) => `${text.length} characters`,
        (error) => explainTlsError(error)?.code,
      );
      expect(await read).toBe('MCP_TLS_UNREACHABLE');
      server.close();
    },
  );

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
