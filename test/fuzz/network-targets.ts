import { createServer, type Socket } from 'node:net';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { damaged } from './mutate.js';
import { CANARY, type FuzzTarget } from './target.js';

const ANSWERS = [
  'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-encoding: deflate, gzip\r\nconnection: close\r\n\r\nabc',
  `220 smtp ${CANARY}\r\n`,
];

const REDIRECTS = [
  `HTTP/1.1 302 Found\r\nlocation: /${CANARY}?${CANARY}\r\ncontent-length: 0\r\n\r\n`,
  `HTTP/1.1 308 Found\r\nlocation: https://user:${CANARY}@a.example/\r\nlocation: b\r\n\r\n`,
];

const EVENTS = [
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nid: 1\ndata: {"jsonrpc":"2.0"}\n\nretry: 1\n\n',
];

const PROXY_ANSWERS = [
  'HTTP/1.1 200 Connection established\r\n\r\n',
  `HTTP/1.1 407 ${CANARY}\r\nproxy-authenticate: Basic realm="${CANARY}"\r\n\r\n`,
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
];

/** Not every Node.js can make it. */
const ZSTD = 'KLUv/SQUoQAAeyJhIjoxLCJiIjpbMSwyLDNdfdVgHz0=';

/** Bodies in each coding, and in two. */
const CODED: readonly Buffer[] = [
  coded('gzip', zlib.gzipSync),
  coded('deflate', zlib.deflateSync),
  coded('deflate', zlib.deflateRawSync),
  coded('br', zlib.brotliCompressSync),
  coded('gzip, br', (body) => zlib.brotliCompressSync(zlib.gzipSync(body))),
  coded('zstd', () => Buffer.from(ZSTD, 'base64')),
];

function coded(name: string, encode: (body: Buffer) => Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${name}\r\nconnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), encode(Buffer.from('{"a":1,"b":[1,2,3]}'.repeat(50)))]);
}

/** An answer, and how many bytes of it are sent at a time. */
function answers(originals: readonly (string | Buffer)[]): fc.Arbitrary<Answer> {
  const bytes = damaged(
    originals.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)),
  );
  return fc.record({
    bytes,
    step: fc.constantFrom(1, 7, 100_000),
    read: fc.constantFrom('at once', 'late', 'never'),
  });
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly step: number;
  /** The body, once its head is here. */
  readonly read: 'at once' | 'late' | 'never';
}

async function play({ bytes, step }: Answer, socket: Socket): Promise<void> {
  socket.on('error', () => {});
  for (let at = 0; at < bytes.length && !socket.destroyed; at += step) {
    socket.write(bytes.subarray(at, at + step));
    if (step < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}

/** What comes over a connection. */
export async function networkTargets(): Promise<readonly FuzzTarget[]> {
  const certificate = await heldCertificate();
  let answer: Answer = { bytes: new Uint8Array(0), step: 1, read: 'at once' };
  const server = await startTlsServer({
    certificate,
    onRequest: ({ socket }) => void play(answer, socket),
  });
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('data', () => void play(answer, socket));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  const timeout = { connectMs: 2000, headersMs: 500, idleMs: 500, totalMs: 2000 };
  const factory = makeCustomClientFactory(certificate.pem, { timeout });
  const client = factory();
  const headers = { authorization: `Bearer ${CANARY}` };
  const ask = (): Promise<Response> => client(`${server.url}/${CANARY}?${CANARY}`, { headers });
  const over = (
    originals: readonly (string | Buffer)[],
    read: (response: Response) => unknown,
  ) => ({
    pure: false,
    input: answers(originals),
    run: async (given: Answer) => {
      answer = given;
      const response = await ask();
      if (given.read !== 'at once') await new Promise((resolve) => setTimeout(resolve, 10));
      if (given.read === 'never') await response.body?.cancel();
      else await read(response);
    },
  });
  return [
    {
      name: 'HTTP answers',
      ...over(ANSWERS, (response) => {
        void [...response.headers, response.statusText, response.type];
        return response.text();
      }),
    },
    {
      name: 'coded bodies',
      ...over(CODED, (response) => response.arrayBuffer()),
    },
    {
      name: 'redirects',
      ...over(REDIRECTS, (response) => response.arrayBuffer()),
    },
    {
      name: 'event streams',
      ...over(EVENTS, async ({ body }) => {
        const reader = body?.pipeThrough(new TextDecoderStream() as never).getReader();
        while (reader !== undefined && !(await reader.read()).done);
      }),
    },
    {
      name: 'proxy answers',
      pure: false,
      input: answers(PROXY_ANSWERS),
      run: async (given: Answer) => {
        answer = given;
        const through = makeCustomClientFactory(certificate.pem, {
          timeout,
          proxy: { url: `http://127.0.0.1:${port}`, auth: { username: 'u', password: CANARY } },
        });
        try {
          await through()(server.url, { headers });
        } finally {
          await through.close();
        }
      },
      async close() {
        await factory.close();
        await server.close();
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => proxy.close(resolve));
      },
    },
  ];
}
