/**
 * A program that does to a fetch what ended the process, or held it up, once; started as a process of
 * its own by test/integration/hostile.test.ts, with `--unhandled-rejections=strict --expose-gc`. It
 * prints what it saw as JSON.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Chunks of one byte, each with an extension of `extension` bytes. */
function tiny(count: number, extension = 0): Handler {
  return ({ socket }) => {
    socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `1${extension > 0 ? `;${'x'.repeat(extension)}` : ''}\r\na\r\n`;
    const many = Buffer.from(chunk.repeat(Math.max(1, Math.floor(65_536 / chunk.length))));
    const perWrite = many.length / chunk.length;
    let left = count;
    const write = (): void => {
      while (left > 0 && !socket.destroyed) {
        left -= perWrite;
        if (!socket.write(many)) return void socket.once('drain', write);
      }
      if (!socket.destroyed) socket.end('0\r\n\r\n');
    };
    write();
  };
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  ok: (_request, response) => void response.end('{}'),
  endless: (_request, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      response.once('drain', write);
    };
    write();
  },
  silent: (_request, response) => void response.write('data: one\n\n'),
  tiny: tiny(65_000),
  extensions: tiny(100_000, 50),
};

const certificate = await heldCertificate();
const server = await startTlsServer({
  certificate,
  onRequest: (request, response) => {
    response.on('error', () => {});
    HANDLERS[(request.url ?? '/ok').slice(1)]?.(request, response);
  },
});
const factory = makeCustomClientFactory(certificate.pem);
const client = factory();
const gc = (globalThis as { gc?: () => void }).gc as () => void;

async function bodies(): Promise<unknown> {
  const iterable = (make: () => unknown) => ({ [Symbol.asyncIterator]: make });
  const locked = new ReadableStream();
  locked.getReader();
  const read = new Request(server.url, { method: 'POST', body: 'abc' });
  await read.text();
  const held = new Request(server.url, { method: 'POST', body: 'abc' });
  held.body?.getReader();
  const all: unknown[] = [
    locked,
    iterable(() => undefined),
    iterable(() => ({})),
    iterable(() => ({ next: 5 })),
    iterable(() => ({ next: () => undefined })),
    iterable(() => ({ next: () => Promise.reject() })),
    iterable(() => ({
      next: () => ({
        get done(): boolean {
          throw new Error('done');
        },
      }),
      return: () => {
        throw new Error('return');
      },
    })),
    iterable(() => {
      throw new Error('no iterator');
    }),
    new ReadableStream({
      pull: () => Promise.reject(undefined),
      cancel: () => Promise.reject(new Error('cancel')),
    }),
    new ReadableStream({ start: (controller) => controller.enqueue('text') }),
  ];
  const outcomes: string[] = [];
  const note = (call: Promise<Response>) =>
    call.then(
      () => outcomes.push('resolved'),
      (error) => outcomes.push(`${error?.constructor?.name} ${error?.cause?.code}`),
    );
  for (const body of all) {
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    // Over a new connection, and over one that is there.
    await note(client(`${server.url}/ok`, init));
    await (await client(`${server.url}/ok`)).text();
    if (body !== locked) continue;
    await note(client(`${server.url}/ok`, init));
  }
  await note(client(read));
  await note(client(held));
  return [...new Set(outcomes)];
}

/** `reader.cancel()` not awaited, then the abort: as an event stream's host closes. */
async function cancelAndAbort(): Promise<unknown> {
  for (let i = 0; i < 5; i++) {
    const abort = new AbortController();
    const response = await client(`${server.url}/silent`, { signal: abort.signal });
    const reader = (response.body as ReadableStream)
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TransformStream())
      .getReader();
    await reader.read();
    reader.read().catch(() => {});
    await pause(10);
    reader.cancel();
    abort.abort();
    await pause(10);
  }
  return 'quiet';
}

/** Answers that nobody reads to their end. */
async function dropped(): Promise<unknown> {
  const forget = async (): Promise<void> => void (await client(`${server.url}/endless`));
  const halfRead = async (): Promise<void> => {
    const { body } = await client(`${server.url}/endless`);
    await body?.getReader().read();
  };
  for (let i = 0; i < 20; i++) await forget();
  for (let i = 0; i < 10; i++) await halfRead();
  // What a frame that is over still holds.
  await (await client(`${server.url}/ok`)).text();
  // One was used by the last call.
  for (let i = 0; i < 50 && server.openConnections > 1; i++) {
    gc();
    await pause(100);
  }
  return { made: server.records.connections, left: server.openConnections };
}

async function held(): Promise<unknown> {
  gc();
  const before = process.memoryUsage();
  const response = await client(`${server.url}/extensions`);
  await pause(1500);
  gc();
  const { arrayBuffers } = process.memoryUsage();
  const kept = (arrayBuffers - before.arrayBuffers) / 1e6;
  await response.body?.cancel();
  return { keptMb: Math.round(kept) };
}

async function stall(): Promise<unknown> {
  const response = await client(`${server.url}/tiny`);
  await pause(700);
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const cpu = process.cpuUsage();
  let bytes = 0;
  let pieces = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    pieces++;
  }
  await pause(10);
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpu);
  return {
    bytes,
    pieces,
    longestMs: Math.round(longest),
    cpuMs: Math.round((user + system) / 1e3),
  };
}

const HEADS: Readonly<Record<string, string>> = {
  'until the end': '',
  'with its length': 'content-length: 65536\r\n',
  'with a longer length': 'content-length: 100000\r\n',
  'in chunks': 'transfer-encoding: chunked\r\n',
};

const ENDINGS: Readonly<Record<string, (tls: TLSSocket, tcp: Socket) => void>> = {
  FIN: (_tls, tcp) => void tcp.end(),
  RST: (_tls, tcp) => void tcp.resetAndDestroy(),
  close_notify: (tls) => void tls.end(),
};

/**
 * Bodies that fill what is read ahead to the last byte, so that the parser stands still with nothing left
 * to read, and the end of their connection then. Read later, or never.
 */
async function endsWhileUnread(): Promise<unknown> {
  let head = '';
  let end: (tls: TLSSocket, tcp: Socket) => void = () => {};
  const { pem: cert, keyPem: key } = certificate;
  const raw = createServer((tcp) => {
    const tls = new TLSSocket(tcp, { isServer: true, cert, key });
    tcp.on('error', () => {});
    tls
      .on('error', () => {})
      .once('data', () => {
        tls.write(`HTTP/1.1 200 OK\r\nconnection: close\r\n${head}\r\n`);
        if (head.includes('chunked')) tls.write('10000\r\n');
        tls.write(Buffer.alloc(65_536, 'x'), () => setTimeout(end, 30, tls, tcp));
      });
  });
  await once(raw.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(raw.address() as AddressInfo).port}`;
  const seen: Record<string, string> = {};
  for (const [framing, line] of Object.entries(HEADS)) {
    for (const [ending, action] of Object.entries(ENDINGS)) {
      head = line;
      end = action;
      const response = await client(url);
      // What nobody reads at all.
      const unread = await client(url);
      await pause(100);
      const late = pause(3000, 'hangs', { ref: false });
      const read = response.arrayBuffer().then(
        ({ byteLength }) => `${byteLength} bytes`,
        (error) => explainTlsError(error)?.code ?? String(error),
      );
      seen[`${framing}, ${ending}`] = await Promise.race([read, late]);
      await unread.body?.cancel().catch(() => {});
    }
  }
  raw.close();
  return seen;
}

const PROGRAMS: Readonly<Record<string, () => Promise<unknown>>> = {
  bodies,
  cancelAndAbort,
  dropped,
  held,
  stall,
  endsWhileUnread,
};

const seen = await PROGRAMS[process.argv[2] ?? '']?.();
console.log(JSON.stringify(seen));
await factory.close();
await server.close();
