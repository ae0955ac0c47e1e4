import type { Transform } from 'node:stream';
import type { ReadableByteStreamController, UnderlyingByteSource } from 'node:stream/web';
import * as zlib from 'node:zlib';

/** What the body needs from the exchange that it belongs to. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** The reader does not want the rest. */
  cancel(reason: unknown): void;
}

/** Where an exchange puts the bytes of an answer, and the stream at which they come out. */
export interface BodySink {
  readonly stream: ReadableStream<Uint8Array>;
  write(chunk: Uint8Array): void;
  end(): void;
  fail(reason: unknown): void;
}

/**
 * A byte stream over pushed chunks, decoded by `contentEncoding` (gzip, br, deflate and, where
 * Node.js has it, zstd), with back-pressure to the socket. An encoding that is not known leaves the
 * bytes as they are, as `fetch` does.
 */
export function makeResponseBody(
  contentEncoding: string | undefined,
  source: BodySource,
): BodySink {
  const decoders = readEncodings(contentEncoding);
  return decoders.length === 0 ? plainBody(source) : decodedBody(decoders, source);
}

/**
 * How much is taken off the socket before anybody reads. Not 0, the default of byte streams: a short
 * answer has to be taken in whole, so that cancelling it (the SDK's way with an answer that it has
 * no use for) does not break off the connection.
 */
const READ_AHEAD_BYTES = 65_536;

/** What {@link makeResponseBody} can decode here, for the accept-encoding header. */
export function acceptedEncodings(): string {
  return 'createZstdDecompress' in zlib ? 'gzip, deflate, br, zstd' : 'gzip, deflate, br';
}

function plainBody(source: BodySource): BodySink {
  let controller!: ReadableByteStreamController;
  let done = false;
  const bytes: UnderlyingByteSource = {
    type: 'bytes',
    start(c) {
      controller = c;
    },
    pull() {
      source.resume();
    },
    cancel(reason) {
      done = true;
      source.cancel(reason);
    },
  };
  const strategy = { highWaterMark: READ_AHEAD_BYTES };
  const stream = new ReadableStream(bytes, strategy) as ReadableStream<Uint8Array>;
  return {
    stream,
    write(chunk) {
      if (done) return;
      // A copy: a byte stream takes the memory over, and the chunk is a view of the socket's.
      controller.enqueue(new Uint8Array(chunk));
      if ((controller.desiredSize ?? 0) <= 0) source.pause();
    },
    end() {
      if (done) return;
      done = true;
      controller.close();
      // A read that waits with a buffer of its own is answered only so (Streams Standard §4.7.3).
      controller.byobRequest?.respond(0);
    },
    fail(reason) {
      if (done) return;
      done = true;
      controller.error(reason);
    },
  };
}

function decodedBody(decoders: readonly Transform[], source: BodySource): BodySink {
  const first = decoders[0] as Transform;
  const last = decoders.at(-1) as Transform;
  const inner = plainBody({
    pause: () => last.pause(),
    resume: () => last.resume(),
    cancel(reason) {
      destroyAll();
      source.cancel(reason);
    },
  });
  function destroyAll(): void {
    for (const decoder of decoders) decoder.destroy();
  }
  for (const [i, decoder] of decoders.entries()) {
    decoder.on('error', (error) => {
      inner.fail(new TypeError('the body could not be decoded', { cause: error }));
      destroyAll();
      source.cancel(error);
    });
    const next = decoders[i + 1];
    if (next) decoder.pipe(next);
  }
  last.on('data', (chunk: Uint8Array) => inner.write(chunk));
  last.once('end', () => inner.end());
  first.on('drain', () => source.resume());
  return {
    stream: inner.stream,
    write(chunk) {
      if (!first.destroyed && !first.write(chunk)) source.pause();
    },
    end() {
      if (!first.destroyed) first.end();
    },
    fail(reason) {
      inner.fail(reason);
      destroyAll();
    },
  };
}

/** As many codings as undici decodes in a row: more is a trap, not an answer. */
const MAX_ENCODINGS = 5;

/** RFC 9110 §8.4: codings are listed in the order applied, so they come off from the last. */
function readEncodings(header: string | undefined): readonly Transform[] {
  const names = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  if (names.length > MAX_ENCODINGS) return [];
  const decoders: Transform[] = [];
  for (const name of names.reverse()) {
    if (name === '' || name === 'identity') continue;
    const decoder = makeDecoder(name);
    if (decoder === undefined) return [];
    decoders.push(decoder);
  }
  return decoders;
}

function makeDecoder(name: string): Transform | undefined {
  // SYNC_FLUSH gives out what there is of an event stream, and takes a body that is cut short.
  const flush = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH };
  if (name === 'gzip' || name === 'x-gzip') return zlib.createGunzip(flush);
  if (name === 'deflate') return zlib.createInflate(flush);
  const operation = zlib.constants.BROTLI_OPERATION_FLUSH;
  if (name === 'br') {
    return zlib.createBrotliDecompress({ flush: operation, finishFlush: operation });
  }
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  return name === 'zstd' ? createZstdDecompress?.() : undefined;
}
