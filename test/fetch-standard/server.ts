import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

/** What arrived of one request, as far as both ways must agree on it. */
export interface Seen {
  readonly method: string | undefined;
  readonly path: string;
  readonly contentLength: string | undefined;
  readonly chunked: boolean;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** A server that answers by the path: `/SIDE/ANSWER?...`, and keeps what each side sent. */
export interface StandardServer {
  readonly url: string;
  readonly certificate: HeldCertificate;
  /** What a side sent, and forgets it. */
  take(side: string): readonly Seen[];
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const TEXT = '{"text":"é"}';

/** Complete heads and bodies, with what Node.js's server would not send. */
function raw(head: readonly string[], body: string | Buffer = ''): Answer {
  return (_response, { socket }) => {
    const bytes = Buffer.concat([
      Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'),
      Buffer.from(body),
    ]);
    socket.end(bytes);
  };
}

function encoded(coding: string, body: Buffer | string): Answer {
  return (response) => {
    response.setHeader('content-encoding', coding);
    response.end(body);
  };
}

/** What comes after a body has ended by its coding. */
const MORE = Buffer.from('and more');

/** A byte at a time. */
function slowly(coding: string, body: Buffer): Answer {
  return async (response) => {
    response.setHeader('content-encoding', coding);
    for (const byte of body) {
      response.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };
}

const status = (code: number, body = TEXT): Answer => {
  return (response) => {
    response.statusCode = code;
    response.end(body);
  };
};

const location = (code: number, to: string): Answer =>
  raw([`HTTP/1.1 ${code} Redirect`, `location: ${to}`, 'content-length: 0', 'connection: close']);

const ANSWERS: Readonly<Record<string, Answer>> = {
  ok: (response) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.end(TEXT);
  },
  empty: (response) => response.end(),
  'no-content': status(204, ''),
  'reset-content': status(205, ''),
  'not-modified': status(304, ''),
  'not-found': status(404),
  'status-600': status(600),
  'status-999': status(999),
  gzip: encoded('gzip', gzipSync(TEXT)),
  'x-gzip': encoded('x-gzip', gzipSync(TEXT)),
  'gzip-upper-case': encoded('GZIP', gzipSync(TEXT)),
  'gzip-nothing': encoded('gzip', ''),
  'gzip-cut': encoded('gzip', gzipSync(TEXT.repeat(100)).subarray(0, 20)),
  'gzip-none': encoded('gzip', 'not gzip at all'),
  deflate: encoded('deflate', deflateSync(TEXT)),
  'deflate-raw': encoded('deflate', deflateRawSync(TEXT)),
  br: encoded('br', brotliCompressSync(TEXT)),
  'gzip-twice': encoded('gzip, gzip', gzipSync(gzipSync(TEXT))),
  'deflate-gzip': encoded('deflate, gzip', gzipSync(deflateRawSync(TEXT))),
  'gzip-and-more': encoded('gzip', Buffer.concat([gzipSync(TEXT), MORE])),
  'gzip-and-zeros': encoded('gzip', Buffer.concat([gzipSync(TEXT), Buffer.alloc(20)])),
  'deflate-and-more': encoded('deflate', Buffer.concat([deflateSync(TEXT), MORE])),
  'deflate-raw-and-more': encoded('deflate', Buffer.concat([deflateRawSync(TEXT), MORE])),
  'br-and-more': encoded('br', Buffer.concat([brotliCompressSync(TEXT), MORE])),
  'deflate-slowly': slowly('deflate', Buffer.concat([deflateSync(TEXT), MORE])),
  'deflate-raw-slowly': slowly('deflate', Buffer.concat([deflateRawSync(TEXT), MORE])),
  'br-slowly': slowly('br', Buffer.concat([brotliCompressSync(TEXT), MORE])),
  identity: encoded('identity', TEXT),
  'unknown-coding': encoded('rot13', TEXT),
  'six-codings': encoded('gzip, gzip, gzip, gzip, gzip, gzip', 'x'),
  'two-encoding-lines': raw(
    ['HTTP/1.1 200 OK', 'content-encoding: gzip', 'content-encoding: gzip', 'connection: close'],
    gzipSync(gzipSync(TEXT)),
  ),
  chunked: (response) => {
    response.write('{"text"');
    setTimeout(() => response.end(':"é"}'), 2);
  },
  'until-close': raw(['HTTP/1.1 200 OK', 'connection: close'], TEXT),
  cut: raw(['HTTP/1.1 200 OK', 'content-length: 100', 'connection: close'], TEXT),
  'chunk-cut': raw(['HTTP/1.1 200 OK', 'transfer-encoding: chunked'], '5\r\nabc'),
  bom: (response) => response.end(`\ufeff${TEXT}`),
  'bad-utf-8': (response) => response.end(Buffer.from([0x22, 0xff, 0x22])),
  form: (response) => {
    response.setHeader('content-type', 'application/x-www-form-urlencoded');
    response.end('a=1&b=2');
  },
  'early-hints': raw([
    'HTTP/1.1 103 Early Hints',
    'link: </x>',
    '',
    'HTTP/1.1 200 OK',
    'content-length: 0',
    'connection: close',
  ]),
  'odd-reason': raw(['HTTP/1.1 200 \xe9\x80', 'content-length: 0', 'connection: close']),
  'latin-header': raw([
    'HTTP/1.1 200 OK',
    'x-name: \xe9',
    'content-length: 0',
    'connection: close',
  ]),
  'status-000': raw(['HTTP/1.1 000 Nothing', 'content-length: 0']),
  'status-99': raw(['HTTP/1.1 99 Nothing', 'content-length: 0']),
  'status-101': raw(['HTTP/1.1 101 Switching Protocols']),
  'status-101-upgrade': raw([
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: websocket',
    'connection: upgrade',
  ]),
  'reset-until-close': (_response, { socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT}`);
    setTimeout(() => socket.destroy(), 20);
  },
  'no-http': (_response, { socket }) => void socket.end('220 smtp.corp ESMTP\r\n'),
  'bad-header-name': raw(['HTTP/1.1 200 OK', 'a b: c', 'connection: close']),
  'two-lengths': raw(['HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 2'], 'ab'),
  'bad-chunk': raw(['HTTP/1.1 200 OK', 'transfer-encoding: chunked'], 'zz\r\nab\r\n'),
  'huge-header': raw(['HTTP/1.1 200 OK', `x: ${'y'.repeat(20_000)}`, 'content-length: 0']),
  nothing: (_response, { socket }) => void socket.destroy(),
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((code) => [`to-${code}`, location(code, 'ok?to')]),
  ),
  'to-utf-8': location(302, Buffer.from('ok?é').toString('latin1')),
  'to-question-mark': location(302, 'ok?'),
  'to-fragment': location(302, 'ok#there'),
  'to-nowhere': raw(['HTTP/1.1 302 Found', 'content-length: 0', 'connection: close']),
  'to-empty': location(302, ''),
  'to-no-url': location(302, 'https://[bad'),
  'to-two': raw([
    'HTTP/1.1 302 Found',
    'location: ok?1',
    'location: ok?2',
    'content-length: 0',
    'connection: close',
  ]),
  'to-itself': location(302, 'to-itself'),
  'to-elsewhere': location(302, 'https://localhost:1/ok'),
  'to-credentials': (response, { headers }) => {
    response.writeHead(302, { location: `https://user:pass@${headers.host}/ok` });
    response.end();
  },
};

/** Boundaries are random. */
const plain = (text: string): string => text.replace(/-{2,}[\w-]*form-?data[\w-]*/gi, '--BOUNDARY');

export async function startStandardServer(): Promise<StandardServer> {
  const certificate = await heldCertificate();
  const seen = new Map<string, Seen[]>();
  const server: TlsServer = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      const [, side = '', answer = ''] = /^\/(\w+)\/([\w-]+)/.exec(request.url ?? '') ?? [];
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
      } catch {
        // Broken off by its sender: what counts is how the fetch takes it.
        return;
      }
      const { method, headers } = request;
      seen.set(side, [
        ...(seen.get(side) ?? []),
        {
          method,
          path: (request.url ?? '').slice(side.length + 1),
          contentLength:
            method === 'GET'
              ? undefined
              : plainLength(headers['content-type'], headers['content-length']),
          chunked: headers['transfer-encoding'] === 'chunked',
          contentType: headers['content-type'] && plain(headers['content-type']),
          body: normalForm(plain(Buffer.concat(chunks).toString())),
        },
      ]);
      (ANSWERS[answer] as Answer)(response, request);
    },
  });
  return {
    url: server.url,
    certificate,
    take(side) {
      const all = seen.get(side) ?? [];
      seen.delete(side);
      return all;
    },
    close: () => server.close(),
  };
}

/** Boundaries differ in length: that there is a length is what counts. */
function plainLength(type: string | undefined, length: string | undefined): string | undefined {
  return type?.startsWith('multipart/') && length !== undefined ? 'some' : length;
}

/** Header names of the parts of a form may be written in any case. */
const normalForm = (text: string): string =>
  text.replace(/content-(disposition|type)(?=:)/gi, (name) => name.toLowerCase());
