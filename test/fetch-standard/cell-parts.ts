import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { Blob as ForeignBlob } from 'node-fetch';

/** The classes that a side's fetch knows as its own. */
export interface Classes {
  readonly Request: typeof Request;
  readonly FormData: typeof FormData;
}

/** One call of a fetch, made anew for each side. */
export interface Cell {
  readonly name: string;
  readonly answer: string;
  /** Makes the arguments; the URL is the server's, for this side. */
  readonly make: (url: string, classes: Classes) => Arguments | Promise<Arguments>;
  /** How the body of the answer is read. */
  readonly read: Reading;
}

export type Arguments = readonly [input: unknown, init?: unknown];
export type Reading = (typeof READINGS)[number];

export const READINGS = [
  'text',
  'json',
  'arrayBuffer',
  'blob',
  'bytes',
  'formData',
  'clone',
  'stream',
  'text twice',
  'cancelled',
] as const;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function streamOf(...chunks: unknown[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function form({ FormData }: Classes): FormData {
  const data = new FormData();
  data.append('a "quoted"\nname', 'line\nbreak');
  data.append('file', new Blob(['content'], { type: 'text/x-file' }), 'é "name".txt');
  data.append('untyped', new Blob(['more']));
  return data;
}

/** An iterable of ours to the types, whatever it really is. */
const iterable = (make: () => unknown): unknown => ({ [Symbol.asyncIterator]: make });

/** Bodies by name, each made anew. Those of streams have `duplex` beside them. */
export const BODIES: Readonly<Record<string, (classes: Classes) => unknown>> = {
  none: () => undefined,
  null: () => null,
  string: () => 'text é',
  'empty string': () => '',
  bytes: () => bytes('bytes'),
  'a view': () => bytes('_view_').subarray(1, 5),
  'a DataView': () => new DataView(bytes('data').buffer),
  'an ArrayBuffer': () => bytes('buffer').buffer,
  'an ArrayBuffer of another realm': () =>
    runInNewContext('new Uint8Array([104, 105]).buffer') as unknown,
  'no bytes': () => new Uint8Array(0),
  URLSearchParams: () => new URLSearchParams({ a: '1', b: 'é' }),
  'a Blob': () => new Blob(['blob'], { type: 'text/x-blob' }),
  'a Blob of another library': () => new ForeignBlob(['foreign'], { type: 'text/x-blob' }),
  'an untyped Blob': () => new Blob(['blob']),
  'an empty Blob': () => new Blob([]),
  FormData: form,
  'an empty FormData': ({ FormData }) => new FormData(),
  'a stream': () => streamOf(bytes('str'), bytes('eam')),
  'an empty stream': () => streamOf(),
  'a stream of empty chunks': () => streamOf(new Uint8Array(0), bytes('x')),
  'a stream of strings': () => streamOf('text'),
  'a stream that errors': () =>
    new ReadableStream({ pull: (controller) => controller.error(new Error('the source')) }),
  'a stream that throws nothing': () =>
    new ReadableStream({ pull: (controller) => controller.error(undefined) }),
  'a locked stream': () => {
    const stream = streamOf(bytes('x'));
    stream.getReader();
    return stream;
  },
  'a stream that was read': async () => {
    const stream = streamOf(bytes('x'), bytes('y'));
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    return stream;
  },
  'a cancelled stream': async () => {
    const stream = streamOf(bytes('x'));
    await stream.cancel();
    return stream;
  },
  'a generator': () =>
    (async function* () {
      yield bytes('gen');
      yield Buffer.from('erated');
    })(),
  'a generator that throws': () =>
    (async function* () {
      yield bytes('gen');
      throw new Error('the source');
    })(),
  'an iterable that throws': () =>
    iterable(() => {
      throw new Error('no iterator');
    }),
  'an iterable of nothing': () => iterable(() => undefined),
  'an iterator that throws': () =>
    iterable(() => ({
      next: () => {
        throw new Error('next');
      },
    })),
  'an iterator of no results': () => iterable(() => ({ next: async () => 5 })),
  'an iterator of objects': () =>
    iterable(() => ({ next: async () => ({ done: false, value: {} }) })),
  'an iterable whose iterator cannot be had': () => ({
    get [Symbol.asyncIterator]() {
      throw new Error('no iterator');
    },
  }),
  'a Node.js stream': () => Readable.from([Buffer.from('node'), Buffer.from('stream')]),
  'a Node.js stream that was read': async () => {
    const stream = Readable.from([Buffer.from('node'), Buffer.from('stream')]);
    for await (const _ of stream);
    return stream;
  },
  'a Node.js stream that is being read': () =>
    Readable.from([Buffer.from('node'), Buffer.from('stream')]).on('data', () => {}),
  'a Node.js stream that was destroyed': () => Readable.from([Buffer.from('node')]).destroy(),
  'a number': () => 12345,
  'an object': () => ({ a: 1 }),
  'an array': () => [1, 2],
  'a function': () => () => 1,
  'an object without text': () => Object.create(null),
};

export const STREAMS = /stream|generator|iterable|iterator/;

/** Requests with a body, and what was done to them before. */
export const REQUESTS: Readonly<Record<string, (url: string, classes: Classes) => unknown>> = {
  'of a string': (url, { Request }) => new Request(url, { method: 'POST', body: 'text é' }),
  'of an empty string': (url, { Request }) => new Request(url, { method: 'PUT', body: '' }),
  'of FormData': (url, classes) =>
    new classes.Request(url, { method: 'POST', body: form(classes) }),
  'of a Blob': (url, { Request }) => new Request(url, { method: 'POST', body: new Blob(['blob']) }),
  'of a stream': (url, { Request }) => {
    const late = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        controller.enqueue(bytes('late'));
        controller.close();
      },
    });
    return new Request(url, { method: 'POST', body: late, duplex: 'half' } as RequestInit);
  },
  'that was read': async (url, { Request }) => {
    const request = new Request(url, { method: 'POST', body: 'text' });
    await request.text();
    return request;
  },
  'that is locked': (url, { Request }) => {
    const request = new Request(url, { method: 'POST', body: 'text' });
    request.body?.getReader();
    return request;
  },
  'that was cloned': (url, { Request }) => {
    const request = new Request(url, { method: 'POST', body: 'text' });
    request.clone();
    return request;
  },
  'of a GET': (url, { Request }) => new Request(url, { headers: { 'x-a': 'b' } }),
  'with redirect: error': (url, { Request }) => new Request(url, { redirect: 'error' }),
  aborted: (url, { Request }) => new Request(url, { signal: AbortSignal.abort() }),
};

/** Second arguments by name. */
export const INITS: Readonly<Record<string, (classes: Classes) => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  'a number': () => 5,
  'a string': () => 'GET',
  'a function': () => () => 1,
  'method: null': () => ({ method: null }),
  'method: undefined': () => ({ method: undefined }),
  'method: an object': () => ({ method: { toString: () => 'POST' }, body: 'x' }),
  'method: a symbol': () => ({ method: Symbol('x') }),
  'headers: null': () => ({ headers: null }),
  'headers: pairs': () => ({ headers: [['x-a', 'b']] }),
  'headers: a triple': () => ({ headers: [['x-a', 'b', 'c']] }),
  'headers: a Map': () => ({ headers: new Map([['x-a', 'b']]) }),
  'headers: a number': () => ({ headers: 5 }),
  'headers: a value with a line break': () => ({ headers: { 'x-key': 'SECRET\nTOKEN' } }),
  'headers: a value beyond Latin-1': () => ({ headers: { 'x-key': 'SECRET€' } }),
  'headers: a bad name': () => ({ headers: { 'x key: SECRET': '' } }),
  'headers: content-type': () => ({
    method: 'POST',
    body: 'x',
    headers: { 'Content-Type': 'text/x' },
  }),
  'headers: a content-length that does not fit': () => ({
    method: 'POST',
    body: 'x',
    headers: { 'content-length': '5' },
  }),
  'headers: transfer-encoding': () => ({ headers: { 'transfer-encoding': 'chunked' } }),
  'body: with GET': () => ({ body: 'x' }),
  'body: null with GET': () => ({ body: null }),
  'redirect: bogus': () => ({ redirect: 'bogus' }),
  'redirect: null': () => ({ redirect: null }),
  'redirect: an object': () => ({ redirect: { toString: () => 'manual' } }),
  'mode: cors': () => ({ mode: 'cors' }),
  'mode: no-cors': () => ({ mode: 'no-cors' }),
  'mode: same-origin': () => ({ mode: 'same-origin' }),
  'mode: navigate': () => ({ mode: 'navigate' }),
  'mode: bogus': () => ({ mode: 'bogus' }),
  'credentials: omit': () => ({ credentials: 'omit' }),
  'credentials: bogus': () => ({ credentials: 'bogus' }),
  'cache: no-store': () => ({ cache: 'no-store' }),
  'cache: only-if-cached': () => ({ cache: 'only-if-cached' }),
  'cache: bogus': () => ({ cache: 'bogus' }),
  'referrer: empty': () => ({ referrer: '' }),
  'referrerPolicy: origin': () => ({ referrerPolicy: 'origin' }),
  'referrerPolicy: bogus': () => ({ referrerPolicy: 'bogus' }),
  'integrity: empty': () => ({ integrity: '' }),
  'integrity: right': () => ({
    integrity: 'sha256-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c4=',
  }),
  'integrity: wrong': () => ({
    integrity: 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  }),
  'keepalive: true': () => ({ keepalive: true, method: 'POST', body: 'x' }),
  'keepalive: with a stream': () => ({
    keepalive: true,
    method: 'POST',
    duplex: 'half',
    body: streamOf(bytes('x')),
  }),
  'signal: null': () => ({ signal: null }),
  'signal: undefined': () => ({ signal: undefined }),
  'signal: an object': () => ({ signal: {} }),
  'signal: a string': () => ({ signal: 'abort' }),
  'signal: aborted': () => ({ signal: AbortSignal.abort() }),
  'signal: aborted with a reason': () => ({ signal: AbortSignal.abort(new RangeError('why')) }),
  'signal: aborted with null': () => ({ signal: AbortSignal.abort(null) }),
  'window: null': () => ({ window: null }),
  'window: something': () => ({ window: {} }),
  'duplex: missing': () => ({ method: 'POST', body: streamOf(bytes('x')) }),
  'duplex: missing, a generator': () => ({
    method: 'POST',
    body: (async function* () {
      yield bytes('x');
    })(),
  }),
  'duplex: full': () => ({ method: 'POST', duplex: 'full', body: 'x' }),
  'duplex: half with a string': () => ({ method: 'POST', duplex: 'half', body: 'x' }),
  'priority: high': () => ({ priority: 'high' }),
  'priority: bogus': () => ({ priority: 'bogus' }),
  ...Object.fromEntries(
    ['method', 'headers', 'body', 'redirect', 'signal', 'mode', 'duplex', 'integrity'].map(
      (field) => [
        `${field}: throws when it is read`,
        () =>
          Object.defineProperty({}, field, {
            enumerable: true,
            get() {
              throw new RangeError('of the caller');
            },
          }),
      ],
    ),
  ),
  'an unknown field': () => ({ bogus: 1 }),
};

/** First arguments by name. */
export const INPUTS: Readonly<Record<string, (url: string) => unknown>> = {
  'a URL': (url) => new URL(url),
  'an object with toString': (url) => ({ toString: () => url }),
  'no scheme': () => '//127.0.0.1/',
  'a path': () => '/path',
  nothing: () => undefined,
  credentials: (url) => url.replace('//', '//user:pass@'),
  'an empty query': (url) => `${url}?`,
  'a fragment': (url) => `${url}?a#fragment`,
  'an empty fragment': (url) => `${url}#`,
  'a query of odd characters': (url) => `${url}?é "'<>|`,
  'a data URL': () => 'data:text/plain,hello',
  'a blob URL': () => 'blob:nodedata:4d9b',
  'a file URL': () => 'file:///etc/passwd',
  'an about URL': () => 'about:blank',
};
