import { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import type { ReadableByteStreamController, UnderlyingByteSource } from 'node:stream/web';
import { makeDecoders } from './content-encoding.js';
import { type BodySource, makePipe, type Pipe, type PipeTarget, READ_AHEAD_BYTES } from './pipe.js';
import { shortenPipeThrough } from './shorten-pipe-through.js';

/** The body of an answer: pushed in by the exchange, read once, whole or as a stream. */
export interface ResponseBody {
  write(chunk: Uint8Array): void;
  end(): void;
  fail(reason: unknown): void;
  /** All of it, without the cost of a stream: for `text()` and `json()`. */
  collect(): Promise<Uint8Array>;
  /** A byte stream with back-pressure to the socket. */
  stream(): ReadableStream<Uint8Array>;
  /** Whether the stream was piped away, which it does not show itself. */
  readonly piped: boolean;
}

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
  #collecting: PromiseWithResolvers | undefined;
  #controller: ReadableByteStreamController | undefined;
  /** Whether a reader waits. */
  #wanted = false;
  #piped = false;
  #pipe: Pipe | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  get piped(): boolean {
    return this.#piped;
  }

  write(chunk: Uint8Array): void {
    // undici flushes its parser with nothing when it goes on after a pause; a byte stream takes offence.
    if (this.#outcome !== undefined || chunk.length === 0) return;
    if (this.#pipe !== undefined) {
      this.#pipe.write(chunk);
      return;
    }
    if (this.#wanted) {
      this.#enqueue(chunk);
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
    this.#pipe?.end();
    if (this.#chunks.length === 0) this.#close();
  }

  fail(reason: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { failure: { reason } };
    this.#collecting?.reject(reason);
    this.#pipe?.fail(reason);
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
      pull: () => this.#pull(),
      cancel: (reason) => {
        this.#chunks = [];
        if (this.#outcome !== undefined) return;
        this.#outcome = {};
        this.#source.cancel(reason);
      },
    };
    // What is read ahead stays here, where a pipe can take it without a copy.
    const stream = new ReadableStream(bytes, { highWaterMark: 0 }) as ReadableStream<Uint8Array>;
    const { failure } = this.#outcome ?? {};
    if (failure !== undefined) this.#controller?.error(failure.reason);
    else if (this.#outcome !== undefined && this.#chunks.length === 0) this.#close();
    else {
      const take = (): void => {
        this.#piped = true;
      };
      shortenPipeThrough(stream, take, (target) => this.#startPipe(target));
    }
    return stream;
  }

  #startPipe(target: PipeTarget): void {
    const pipe = makePipe(target, this.#source);
    this.#pipe = pipe;
    for (const chunk of this.#chunks) pipe.write(chunk);
    this.#chunks = [];
    const { failure } = this.#outcome ?? {};
    if (failure !== undefined) pipe.fail(failure.reason);
    else if (this.#outcome !== undefined) pipe.end();
    else this.#source.resume();
  }

  #pull(): void {
    this.#wanted = true;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bytes -= chunk.length;
      this.#enqueue(chunk);
    }
    if (this.#chunks.length > 0) return;
    if (this.#outcome === undefined) this.#source.resume();
    else this.#close();
  }

  #enqueue(chunk: Uint8Array): void {
    this.#wanted = false;
    // A copy: a byte stream takes the memory over, and the chunk is a view of the socket's.
    this.#controller?.enqueue(new Uint8Array(chunk));
  }

  #close(): void {
    const controller = this.#controller;
    if (controller === undefined || this.#piped) return;
    this.#controller = undefined;
    controller.close();
    // A read that waits with a buffer of its own is answered only so (Streams Standard §4.7.3).
    controller.byobRequest?.respond(0);
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
    get piped() {
      return inner.piped;
    },
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
