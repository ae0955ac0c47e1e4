import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type CustomClientFactoryOptions,
  explainTlsError,
  makeCustomClientFactory,
  streamableHttpClient,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';

/** What a server, a host or a caller may do that must neither end, hold up, nor leak anything. */

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

function factoryFor(options?: CustomClientFactoryOptions) {
  const factory = makeCustomClientFactory(certificate.pem, options);
  opened.push(factory);
  return factory;
}

const PROGRAM = join(import.meta.dirname, '../support/hostile-process.ts');

/** Runs one of the programs; an uncaught exception or an unhandled rejection is a failure. */
async function run(program: string): Promise<unknown> {
  const flags = ['--unhandled-rejections=strict', '--expose-gc', '--import', 'tsx'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, PROGRAM, program]);
  return JSON.parse(stdout);
}

describe('a process of its own, in which an unhandled rejection is the end', {
  timeout: 60_000,
}, () => {
  it('outlives bodies that are locked, read, or iterables of all sorts', async () => {
    expect(await run('bodies')).toEqual(['TypeError MCP_TLS_INVALID_ARGUMENT']);
  });

  it('outlives a cancel() that is under way when the caller aborts', async () => {
    expect(await run('cancelAndAbort')).toBe('quiet');
  });

  it('outlives the end of a connection while nobody reads the body, and gives out what came', async () => {
    expect(await run('endsWhileUnread')).toEqual({
      'until the end, FIN': '65536 bytes',
      'until the end, RST': 'MCP_TLS_UNREACHABLE',
      'until the end, close_notify': '65536 bytes',
      'with its length, FIN': '65536 bytes',
      'with its length, RST': '65536 bytes',
      'with its length, close_notify': '65536 bytes',
      'with a longer length, FIN': 'MCP_TLS_BAD_ANSWER',
      'with a longer length, RST': 'MCP_TLS_UNREACHABLE',
      'with a longer length, close_notify': 'MCP_TLS_BAD_ANSWER',
      'in chunks, FIN': 'MCP_TLS_BAD_ANSWER',
      'in chunks, RST': 'MCP_TLS_UNREACHABLE',
      'in chunks, close_notify': 'MCP_TLS_BAD_ANSWER',
    });
  });

  it('frees the connections of answers that are dropped, unread or half read', async () => {
    const { made, left } = (await run('dropped')) as Record<string, number>;
    expect(made).toBeGreaterThanOrEqual(30);
    expect(left).toBeLessThanOrEqual(1);
  });

  it('keeps little of chunks that bring little', async () => {
    const { keptMb } = (await run('held')) as { keptMb: number };
    // The server is in that process too.
    expect(keptMb).toBeLessThan(64);
  });

  it('reads 65,000 chunks of a byte without standing still', async () => {
    const seen = (await run('stall')) as Record<string, number>;
    expect(seen['bytes']).toBeGreaterThan(65_000);
    // Once: 3,500 ms.
    expect(seen['cpuMs']).toBeLessThan(1700);
  });
});

describe('limits', () => {
  it('interim answers without end are no answer', async () => {
    const server = await serve(({ socket }) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 100);
      socket.on('error', () => {}).once('close', () => clearInterval(timer));
    });
    const client = factoryFor({ timeout: { headersMs: 400 } })();
    const error = await client(server.url).catch((e: unknown) => e);
    // The limit in number would be reached after 6.4 s, with another code.
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
  });

  it('interim answers are bounded in number where nothing bounds their time', async () => {
    const server = await serve(({ socket }) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 1);
      socket.on('error', () => {}).once('close', () => clearInterval(timer));
    });
    const error = await factoryFor()()(server.url).catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
  });

  it.each(['text', 'json', 'arrayBuffer', 'blob'] as const)(
    'maxBodyBytes bounds what %s() reads, decoded, and not a stream',
    async (how) => {
      const server = await serve((_request, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(300_000, '1')));
      });
      const client = factoryFor({ maxBodyBytes: 200_000 })();
      const error = await (await client(server.url))[how]().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(TypeError);
      expect(explainTlsError(error)?.message).toContain('more than 200000 bytes');
      let read = 0;
      const { body } = await client(server.url);
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        read += chunk.length;
      }
      expect(read).toBe(300_000);
      const whole = factoryFor({ maxBodyBytes: 200_000 })({ maxBodyBytes: 0 });
      expect((await (await whole(server.url)).arrayBuffer()).byteLength).toBe(300_000);
    },
  );

  it.each([false, true])(
    'maxBodyBytes bounds each event of an event stream, which an SDK keeps whole (piped: %s)',
    async (piped) => {
      const server = await serve((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
        for (let i = 0; i < 40; i++) response.write(`: ${'c'.repeat(900)}\n`);
        for (let i = 0; i < 40; i++) response.write(`data: ${'d'.repeat(900)}\r\n\r\n`);
        const lines = setInterval(() => response.write(`data: ${'e'.repeat(90)}\r\n`), 1);
        response.on('close', () => clearInterval(lines));
      });
      const { body } = await factoryFor({ maxBodyBytes: 1000 })()(server.url);
      const stream = piped ? body?.pipeThrough(new TextDecoderStream()) : body;
      let read = '';
      const reading = async (): Promise<void> => {
        for await (const piece of stream as unknown as AsyncIterable<string | Uint8Array>) {
          read += typeof piece === 'string' ? piece : Buffer.from(piece);
        }
      };
      const error = await reading().catch((e: unknown) => e);
      expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
      expect(explainTlsError(error)?.message).toContain('an event of its stream');
      expect(read.match(/d{900}/g)).toHaveLength(40);
      await eventually(() => expect(server.openConnections).toBe(0));
    },
  );

  it('the own origin is not bounded, a listed one is, and a bound is a number', async () => {
    const server = await serve((_request, response) => void response.end(Buffer.alloc(5_000_000)));
    expect(() => makeCustomClientFactory(null, { maxBodyBytes: -1 })).toThrow(/maxBodyBytes/);
    const own = factoryFor()({ url: server.url });
    expect((await (await own(server.url)).arrayBuffer()).byteLength).toBe(5_000_000);
    const listed = factoryFor({ origins: { [server.url]: certificate.pem }, maxBodyBytes: 0 });
    const client = listed({ url: 'https://elsewhere.example' });
    const error = await (await client(server.url)).arrayBuffer().catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
  });
});

describe('what is secret stays so', () => {
  const everything = (error: unknown): string =>
    inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error);

  it('an answer that reflects the request is in no property of the error', async () => {
    const server = await serve(({ socket, url, headers }) => {
      socket.end(`${url} ${headers.authorization}\r\n`);
    });
    const init = { headers: { authorization: 'Bearer SECRET' } };
    const error = await factoryFor()()(`${server.url}/SECRET?q=SECRET`, init).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
    expect(everything(error)).not.toContain('SECRET');
  });

  it('neither is one whose body breaks the rules', async () => {
    const server = await serve(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      setTimeout(() => socket.end('SECRET\r\n'), 20);
    });
    const response = await factoryFor()()(server.url);
    const error = await response.text().catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
    expect(everything(error)).not.toContain('SECRET');
  });

  it.each<[string, () => unknown]>([
    [
      'a factory',
      () => factoryFor()({ url: 'https://a.example', headers: { 'x-api-key': 'SECRET\nKEY' } }),
    ],
    [
      'a transport',
      () =>
        streamableHttpClient('https://a.example', {
          trust: certificate.pem,
          headers: { 'x-api-key': 'SECRET\nKEY' },
        }),
    ],
    [
      'a fetch',
      () => factoryFor()()('https://a.example', { headers: { 'x-api-key': 'SECRET\nKEY' } }),
    ],
  ])('a header value that cannot be sent is not repeated by %s', async (_who, make) => {
    const error = await (async () => make())().catch((e: unknown) => e);
    expect(explainTlsError(error)).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect(String(error)).toContain("'x-api-key'");
    expect(everything(error)).not.toContain('SECRET');
  });
});

describe('the caller’s own', () => {
  it('body that fails is said to have, and is cancelled when nothing was sent', async () => {
    const server = await serve((_request, response) => void response.end());
    const client = factoryFor()();
    const source = new Error('the disk is gone');
    const failing = new ReadableStream({ pull: (controller) => controller.error(source) });
    const init = { method: 'POST', body: failing, duplex: 'half' } as RequestInit;
    const error = await client(server.url, init).catch((e) => e);
    expect(error).toMatchObject({ cause: { code: 'MCP_TLS_INVALID_ARGUMENT', cause: source } });
    expect(error.message).toMatch(/the body of the request failed/);
    let cancelled: unknown;
    const unsent = new ReadableStream({
      cancel: (reason) => {
        cancelled = reason;
      },
    });
    const signal = AbortSignal.abort(new Error('before'));
    const before = { method: 'POST', body: unsent, duplex: 'half', signal } as RequestInit;
    await expect(client(server.url, before)).rejects.toThrow('before');
    expect(cancelled).toMatchObject({ message: 'before' });
  });

  it('auth function that fails is said to have', async () => {
    const server = await serve((_request, response) => void response.end());
    const client = factoryFor()({
      url: server.url,
      auth: () => {
        throw new Error('no token');
      },
    });
    const error = await client(server.url).catch((e) => e);
    expect(error).toMatchObject({
      cause: { code: 'MCP_TLS_INVALID_ARGUMENT', cause: { message: 'no token' } },
    });
  });

  it('auth function that never answers ends with the caller’s abort', async () => {
    const server = await serve((_request, response) => void response.end());
    const client = factoryFor()({ url: server.url, auth: () => new Promise<string>(() => {}) });
    const signal = AbortSignal.timeout(50);
    await expect(client(server.url, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('AbortSignal of an older library is taken', async () => {
    const server = await serve(() => {});
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      addEventListener: (_type: string, listener: () => void) => listeners.add(listener),
      removeEventListener: (_type: string, listener: () => void) => listeners.delete(listener),
    };
    const call = factoryFor()()(server.url, { signal: signal as never });
    await expect.poll(() => listeners.size).toBe(1);
    signal.aborted = true;
    for (const listener of listeners) listener();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(listeners.size).toBe(0);
  });

  it('Request is sent once: a second time it is refused, and not sent empty', async () => {
    const server = await serve((request, response) => void request.pipe(response));
    const client = factoryFor()();
    const request = new Request(server.url, { method: 'POST', body: 'once' });
    expect(await (await client(request)).text()).toBe('once');
    expect(request.bodyUsed).toBe(true);
    await expect(client(request)).rejects.toThrow(/was used before/);
    expect(server.records.requests).toHaveLength(1);
  });

  it('signal leaves no listener behind, however the answer is taken', async () => {
    const server = await serve((_request, response) => void response.end('answer'));
    const { signal } = new AbortController();
    const client = factoryFor()();
    const ways: ((response: Response) => unknown)[] = [
      (response) => response.text(),
      (response) => response.body?.cancel(),
      (response) => response.clone().text(),
      (response) => response.body?.getReader().read(),
      () => {},
    ];
    for (const way of ways) await way(await client(server.url, { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

it('a server that greets with another protocol is not called unreachable', async () => {
  const server = await serve(({ socket }) => void socket.end('220 smtp.corp ESMTP\r\n'));
  const error = await factoryFor()()(server.url).catch((e: unknown) => e);
  expect(explainTlsError(error)?.message).toMatch(/not valid HTTP/);
});
