/** What the hostile server does with a request, by the first part of its path; the rest are numbers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import * as zlib from 'node:zlib';

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  ...numbers: readonly number[]
) => unknown;

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
const MEGABYTE = Buffer.alloc(1_048_576, 'x');

/** How often `/retry` was asked for. */
export const counts = { retry: 0 };

export const ANSWERS: Readonly<Record<string, Answer>> = {
  ok: (_request, response) => void response.end('{"ok":true}'),

  /** A body of so many chunks of one byte, each with an extension of so many bytes. */
  one({ socket }, _response, count = 1, extension = 0) {
    const chunk = `1${extension > 0 ? `;${'e'.repeat(extension)}` : ''}\r\na\r\n`;
    pump(socket, `${CHUNKED}${JSON_TYPE}\r\n`, chunk, count);
  },

  /** An event stream of one comment after the other, of so many bytes, in chunks of one byte. */
  comments({ socket }, _response, count = 1) {
    const chunks = ': comment\n\n'
      .split('')
      .map((character) => `1\r\n${character}\r\n`)
      .join('');
    pump(socket, `${CHUNKED}content-type: text/event-stream\r\n\r\n`, chunks, count / 11);
  },

  /** The extension of one chunk, without end. */
  extension({ socket }) {
    pump(socket, `${CHUNKED}${JSON_TYPE}\r\n1;`, 'e'.repeat(65_536), Number.POSITIVE_INFINITY);
  },

  /** So many megabytes. */
  bytes(_request, response, megabytes = 1) {
    let left = megabytes;
    const write = (): void => {
      while (left-- > 0 && !response.destroyed) {
        if (!response.write(MEGABYTE)) return void response.once('drain', write);
      }
      response.end();
    };
    write();
  },

  silent: ({ socket }) => void socket.on('error', () => {}),

  /** The head, and nothing more. */
  head: (_request, response) => void response.writeHead(200).flushHeaders(),

  header(_request, response, bytes = 1) {
    response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(bytes)}\r\n\r\n`);
  },

  trailers({ socket }) {
    pump(socket, `${CHUNKED}${JSON_TYPE}\r\n1\r\na\r\n0\r\n`, 'x: y\r\n', Number.POSITIVE_INFINITY);
  },

  interim({ socket }) {
    pump(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n', Number.POSITIVE_INFINITY);
  },

  /** Kept alive for three years, and answered together when so many have come. */
  together: (() => {
    const waiting: (() => void)[] = [];
    return (_request, response, count = 1) => {
      response.setHeader('keep-alive', 'timeout=99999999');
      waiting.push(() => response.end('x'));
      if (waiting.length >= count) for (const answer of waiting.splice(0)) answer();
    };
  })(),

  close(_request, response) {
    response.setHeader('connection', 'close').end('x');
  },

  /** Events of so many megabytes in all, which a coding made small. */
  bomb(request, response, megabytes = 1) {
    const coding = request.url?.split('/').at(-1) ?? '';
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': coding });
    response.end(bomb(coding, megabytes));
  },

  /** As that one, and the stream stays open. */
  window(request, response, megabytes = 1) {
    const coding = request.url?.split('/').at(-1) ?? '';
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': coding });
    response.write(bomb(coding, megabytes));
  },

  redirect(_request, response, count = 0) {
    const again = (): unknown =>
      response.writeHead(307, { location: `/redirect/${count + 1}` }).end();
    setTimeout(again, 20);
  },

  mcp: answerMcp,

  async retry(request, response) {
    if (request.method !== 'GET') return await answerMcp(request, response);
    counts.retry++;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end('id: 1\nretry: 0\ndata: \n\n');
  },
};

/** An MCP server that begins a session, and then says nothing more to any request. */
async function answerMcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await beginSession(request, response, () => {});
}

/** Answers as an MCP server until a session has begun; the rest of it is for `onCall`. */
export async function beginSession(
  request: IncomingMessage,
  response: ServerResponse,
  onCall: () => void,
): Promise<void> {
  if (request.method === 'GET') return void response.writeHead(405).end();
  let text = '';
  for await (const piece of request) text += piece;
  const { id, method } = JSON.parse(text) as { id?: number; method: string };
  if (method === 'notifications/initialized') return void response.writeHead(202).end();
  if (method !== 'initialize') return onCall();
  const serverInfo = { name: 'hostile', version: '1' };
  const result = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

/** `head`, then `piece` so many times, as fast as it is taken. */
function pump(socket: Socket, head: string, piece: string, count: number): void {
  socket.on('error', () => {}).write(head);
  const perWrite = Math.max(1, Math.floor(65_536 / piece.length));
  const many = Buffer.from(piece.repeat(perWrite));
  let left = count;
  const write = (): void => {
    while (left > 0 && !socket.destroyed) {
      const size = Math.min(left, perWrite);
      left -= size;
      const bytes = size === perWrite ? many : Buffer.from(piece.repeat(Math.ceil(size)));
      if (!socket.write(bytes)) return void socket.once('drain', write);
    }
    if (!socket.destroyed) socket.end('0\r\n\r\n');
  };
  write();
}

const bombs = new Map<string, Buffer>();

function bomb(coding: string, megabytes: number): Buffer {
  const key = `${coding} ${megabytes}`;
  const present = bombs.get(key);
  if (present !== undefined) return present;
  const events = Buffer.from(`data: ${'x'.repeat(1015)}\n\n`.repeat(megabytes * 1024));
  const made = compress(coding, events);
  bombs.set(key, made);
  return made;
}

function compress(coding: string, bytes: Buffer): Buffer {
  if (coding === 'gzip') return zlib.gzipSync(bytes);
  if (coding === 'br') return zlib.brotliCompressSync(bytes, { params: { [BROTLI_QUALITY]: 5 } });
  const { zstdCompressSync, constants } = zlib as unknown as {
    zstdCompressSync(bytes: Buffer, options: object): Buffer;
    constants: { ZSTD_c_windowLog: number };
  };
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_windowLog]: 27 } });
}

const BROTLI_QUALITY = zlib.constants.BROTLI_PARAM_QUALITY;
