import { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import type { ReadableByteStreamController, UnderlyingByteSource } from 'node:stream/web';
import { makeDecoders } from './content-encoding.js';

/** What the body needs from the exchange that it belongs to. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** The reader does not want the rest. */
  cancel(reason: unknown): void;
}

/** The body of an answer: pushed in by the exchange, read once, whole or as a stream. */
export interface ResponseBody {
  write(chunk: Uint8Array): void;
  end(): void;
  fail(reason: unknown): void;
  /** All of it, without the cost of a stream: for `text()` and `json()`. */
  collect(): Promise<Uint8Array>;
  /** A byte stream with back-pressure to the socket. */
  stream(): ReadableStream<Uint8Array>;
}

/**
 * How much is taken off the socket before anybody reads: a short answer whole, so that cancelling it
 * (the SDK's way with an answer that it has no use for) does not break off the connection.
 */
const READ_AHEAD_BYTES = 65_536;

/** Makes the body of an answer, decoded by its content-encoding. */
export function makeResponseBody(
  contentEncoding: string | undefined,
  source: BodySource,
): ResponseBody {
  const decoders = makeDecoders(contentEncoding);
  return decoders.length === 0 ? new PlainBody(source) : decodedBody(decoders, source);
}

/** Chunks are kept until somebody says how they are to be read. */
class PlainBody implements ResponseBody {
  readonly #source: BodySource;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #outcome: { readonly failure?: { readonly reason: unknown } } | undefined;
  #controller: ReadableByteStreamController | undefined;
  #collecting: PromiseWithResolvers | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  write(chunk: Uint8Array): void {
    if (this.#outcome !== undefined) return;
    if (this.#controller !== undefined) {
      this.#enqueue(this.#controller, chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#collecting === undefined && this.#bytes >= READ_AHEAD_BYTES) this.#source.pause();
  }

  end(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = {};
    this.#collecting?.resolve(this.#take());
    if (this.#controller !== undefined) close(this.#controller);
  }

  fail(reason: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { failure: { reason } };
    this.#collecting?.reject(reason);
    this.#controller?.error(reason);
  }

  collect(): Promise<Uint8Array> {
    const { failure } = this.#outcome ?? {};
    if (failure !== undefined) return Promise.reject(failure.reason);
    if (this.#outcome !== undefined) return Promise.resolve(this.#take());
    return new Promise((resolve, reject) => {
      this.#collecting = { resolve, reject };
      this.#source.resume();
    });
  }

  stream(): ReadableStream<Uint8Array> {
    const bytes: UnderlyingByteSource = {
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#source.resume(),
      cancel: (reason) => {
        if (this.#outcome !== undefined) return;
        this.#outcome = {};
        this.#source.cancel(reason);
      },
    };
    const strategy = { highWaterMark: READ_AHEAD_BYTES };
    const stream = new ReadableStream(bytes, strategy) as ReadableStream<Uint8Array>;
    const controller = this.#controller as unknown as ReadableByteStreamController;
    for (const chunk of this.#chunks) this.#enqueue(controller, chunk);
    this.#chunks = [];
    const { failure } = this.#outcome ?? {};
    if (failure !== undefined) controller.error(failure.reason);
    else if (this.#outcome !== undefined) close(controller);
    return stream;
  }

  #enqueue(controller: ReadableByteStreamController, chunk: Uint8Array): void {
    // A copy: a byte stream takes the memory over, and the chunk is a view of the socket's.
    controller.enqueue(new Uint8Array(chunk));
    if ((controller.desiredSize ?? 0) <= 0) this.#source.pause();
  }

  #take(): Uint8Array {
    const [only] = this.#chunks;
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
  }
}

interface PromiseWithResolvers {
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

function close(controller: ReadableByteStreamController): void {
  controller.close();
  // A read that waits with a buffer of its own is answered only so (Streams Standard §4.7.3).
  controller.byobRequest?.respond(0);
}

function decodedBody(decoders: readonly Transform[], source: BodySource): ResponseBody {
  const first = decoders[0] as Transform;
  const last = decoders.at(-1) as Transform;
  const inner = new PlainBody({
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
    collect: () => inner.collect(),
    stream: () => inner.stream(),
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
