import { once } from 'node:events';
import { brotliCompressSync, constants } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { Connections } from '../../src/client/connections.js';
import { loadUndici, type Undici } from '../../src/client/load-undici.js';
import { Pools } from '../../src/client/pools.js';
import { DEFAULT_TIMEOUTS } from '../../src/client/timeouts.js';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, type RequestHandler, startTlsServer } from '../../src/testing/index.js';
import { checkTrustPolicy } from '../../src/trust/check-trust-policy.js';
import { eventually } from '../support/waiting.js';

/** What a server that is left alone, or that sends much for little, may hold. */

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const certificate = await heldCertificate();

async function setUp(onRequest: RequestHandler) {
  const server = await startTlsServer({ certificate, onRequest, keepAliveMs: 0 });
  const factory = makeCustomClientFactory(certificate.pem);
  opened.push(factory, server);
  return { server, client: factory() };
}

describe('idle connections', () => {
  it('are kept for 64 requests of the next burst, and no more', async () => {
    let waiting: (() => void)[] = [];
    const { server, client } = await setUp((_request, response) => {
      response.setHeader('keep-alive', 'timeout=99999999');
      waiting.push(() => response.end('x'));
      if (waiting.length < 100) return;
      for (const answer of waiting) answer();
      waiting = [];
    });
    const calls = Array.from({ length: 100 }, async () => (await client(server.url)).text());
    expect(await Promise.all(calls)).toEqual(Array(100).fill('x'));
    await eventually(() => expect(server.openConnections).toBe(64), 3000);
  });

  it('are closed after a minute, whatever the server says of them', async () => {
    const { server, client } = await setUp((_request, response) => {
      response.setHeader('keep-alive', 'timeout=99999999').end('x');
    });
    await (await client(server.url)).text();
    const at = idleLimitOf(await loadUndici());
    expect(at).toBeLessThanOrEqual(60_000);
    expect(server.openConnections).toBe(1);
  });

  // What undici does with it is undici's; this is what it is told.
  function idleLimitOf(undici: Undici): number {
    let seen = Number.POSITIVE_INFINITY;
    const Client = class extends undici.Client {
      constructor(origin: string, options: { keepAliveMaxTimeout?: number }) {
        super(origin, options as never);
        seen = options.keepAliveMaxTimeout ?? 600_000;
      }
    };
    new Connections({
      undici: { ...undici, Client } as never,
      origin: 'https://a.example',
      connector: { connect: () => () => {}, close: () => {} },
      max: 1,
      onEmpty: () => {},
    }).take();
    return seen;
  }
});

it('origins that were asked once, and whose connections have ended, are forgotten', async () => {
  const pools = new Pools(4);
  opened.push({ close: () => pools.close() });
  const undici = await loadUndici();
  const destination = { policy: checkTrustPolicy(null), route: {} as never };
  const { server } = await setUp((_request, response) => void response.end('x'));
  for (let i = 0; i < 50; i++) {
    const connections = pools.get(destination, 100, `https://127.0.0.1:${i + 1}`, undici);
    const connection = connections.take();
    expect(pools.origins).toBe(1);
    if (connection !== undefined) connections.discard(connection);
  }
  expect(pools.origins).toBe(0);
  const connections = pools.get(destination, 100, server.url, undici);
  const used = connections.take();
  if (used !== undefined) connections.giveBack(used);
  expect(pools.origins).toBe(1);
  expect(pools.get(destination, 100, server.url, undici)).toBe(connections);
});

describe('what brings nothing', () => {
  const flood =
    (chunk: string): RequestHandler =>
    ({ socket }) => {
      socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      socket.write(chunk);
      const more = Buffer.alloc(65_536, 'x');
      const write = (): void => {
        while (!socket.destroyed && socket.write(more));
        if (!socket.destroyed) socket.once('drain', write);
      };
      write();
    };

  it('the extension of a chunk that has no end is an error', async () => {
    const { server, client } = await setUp(flood('1;'));
    const response = await client(server.url);
    const error = await response.text().catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
    expect(explainTlsError(error)?.message).toMatch(/nothing|chunk/);
    await eventually(() => expect(server.openConnections).toBe(0));
  }, 10_000);

  const byteByByte =
    (extension: number): RequestHandler =>
    ({ socket }) => {
      socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunk = `1;${'e'.repeat(extension)}\r\nx\r\n`;
      for (let i = 0; i < 20_000 && !socket.destroyed; i++) socket.write(chunk);
      socket.end('0\r\n\r\n');
    };

  it.each([1_000, 16_000])('an extension of %i bytes with each byte is an error', async (bytes) => {
    const { server, client } = await setUp(byteByByte(bytes));
    const error = await (await client(server.url)).text().catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
    await eventually(() => expect(server.openConnections).toBe(0));
  });

  it('a short extension with each byte is none', async () => {
    const { server, client } = await setUp(byteByByte(20));
    expect((await (await client(server.url)).text()).length).toBe(20_000);
  });

  it('large chunks, slow ones, and extensions of some bytes are none', async () => {
    const { server, client } = await setUp(async ({ socket }) => {
      socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      for (let i = 0; i < 4; i++) {
        const piece = Buffer.alloc(1_000_000, 'x');
        socket.write(`${piece.length.toString(16)};${'e'.repeat(500)}\r\n`);
        if (!socket.write(piece)) await once(socket, 'drain');
        socket.write('\r\n');
      }
      socket.end('0\r\n\r\n');
    });
    expect((await (await client(server.url)).arrayBuffer()).byteLength).toBe(4_000_000);
  });
});

it('a brotli stream with a window beyond RFC 7932 is refused', async () => {
  const plain = Buffer.alloc(100_000, 'x');
  const large = brotliCompressSync(plain, {
    params: { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 28 },
  });
  const { server, client } = await setUp((request, response) => {
    response.setHeader('content-encoding', 'br');
    response.end(request.url === '/large' ? large : brotliCompressSync(plain));
  });
  expect((await (await client(server.url)).arrayBuffer()).byteLength).toBe(plain.length);
  const error = await (await client(`${server.url}/large`)).text().catch((e: unknown) => e);
  expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
});

it('an answer that does not begin is waited for as long as fetch waits, 5 minutes', () => {
  expect(DEFAULT_TIMEOUTS).toMatchObject({ headersMs: 300_000, idleMs: 0, totalMs: 0 });
});
