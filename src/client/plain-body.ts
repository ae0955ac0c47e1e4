import type { ReadableByteStreamController, UnderlyingByteSource } from 'node:stream/web';
import { BodyHolder } from './body-holder.js';
import type { BodyLimit } from './body-limit.js';
import { ByteQueue } from './byte-queue.js';
import { type BodySource, Pipe, type PipeTarget, READ_AHEAD_BYTES } from './pipe.js';
import type { BodyEnded, BodyFailure, ResponseBody } from './response-body.js';
import { shortenPipeThrough } from './shorten-pipe-through.js';

type Outcome = { readonly failure?: BodyFailure };

/**
 * A body as the bytes come.
 *
 * - Exactly one way of reading is taken: collected, piped, or pulled through a stream.
 * - The stream is held strongly only while a read of it waits; otherwise it is its reader's, so that
 *   one that nobody has any more is noticed and its connection freed.
 * - `#outcome` is set once; nothing is given out after a failure or an abort.
 */
export class PlainBody implements ResponseBody {
  readonly #source: BodySource;
  readonly #limit: BodyLimit | undefined;
  readonly #queue = new ByteQueue();
  #outcome: Outcome | undefined;
  #collecting: { resolve(bytes: Uint8Array): void; reject(reason: unknown): void } | undefined;
  /** Of a stream that was made in this very turn. */
  #new: ReadableByteStreamController | undefined;
  #controller: WeakRef<ReadableByteStreamController> | undefined;
  /** Whose read waits. */
  #waiting: ReadableByteStreamController | undefined;
  #claimed: 'piped' | 'collected' | 'watched' | undefined;
  #onChange: (() => void) | undefined;
  #streamed = false;
  #cancelled = false;
  #pipe: Pipe | undefined;
  #ended: { readonly failure: BodyFailure | undefined } | undefined;
  #holder: BodyHolder | undefined;
  #listeners: BodyEnded[] | undefined;
  readonly #completions: (() => void)[] = [];

  constructor(source: BodySource, limit?: BodyLimit) {
    this.#source = source;
    this.#limit = limit;
  }

  get piped(): boolean {
    return this.#claimed === 'piped';
  }

  get complete(): boolean {
    return this.#outcome !== undefined;
  }

  get holds(): boolean {
    return this.#pipe === undefined ? this.#streamed && this.#queue.length > 0 : this.#pipe.holds;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get onlyPiece(): Uint8Array | undefined {
    return this.#queue.only;
  }

  watch(onChange: () => void): void {
    this.#claimed = 'watched';
    this.#onChange = onChange;
  }

  onEnded(listener: BodyEnded): void {
    if (this.#ended !== undefined) listener(this.#ended.failure);
    else if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  onComplete(listener: () => void): void {
    if (this.#outcome === undefined) this.#completions.push(listener);
    else listener();
  }

  write(chunk: Uint8Array): void {
    // undici flushes its parser with nothing when it goes on after a pause; a byte stream takes offence.
    if (this.#outcome !== undefined || chunk.length === 0) return;
    if (this.#limit?.event?.exceeds(chunk)) return void this.#tooLong(this.#limit);
    if (this.#pipe !== undefined) {
      this.#pipe.write(chunk);
      return;
    }
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#enqueue(waiting, chunk);
      return;
    }
    this.#queue.push(chunk);
    this.#onChange?.();
    if (this.#collecting !== undefined) this.#endIfTooLong();
    else if (this.#queue.held >= READ_AHEAD_BYTES) this.#source.pause();
  }

  end(): void {
    if (this.#outcome !== undefined) return;
    this.#complete({});
    if (this.#collecting !== undefined) {
      this.#collecting.resolve(this.#queue.takeAll());
      this.#end();
    }
    this.#pipe?.end();
    // Otherwise its stream is closed by the next read, as the platform's is.
    if (this.#waiting !== undefined) this.#close();
    else if (this.#queue.length === 0 && this.#claimed === undefined) this.#end();
  }

  fail(reason: unknown): void {
    if (this.#outcome !== undefined) {
      // The last byte had come; what waits is not given out any more.
      this.#pipe?.fail(reason);
      if (this.#pipe !== undefined || !this.holds) return;
    }
    this.#complete({ failure: { reason } });
    this.#queue.clear();
    this.#collecting?.reject(reason);
    this.#pipe?.fail(reason);
    this.#error(reason);
  }

  collect(): Promise<Uint8Array> {
    this.#claimed = 'collected';
    this.#onChange = undefined;
    const failure = this.#outcome?.failure ?? this.#source.aborted();
    if (failure !== undefined) {
      this.#end(failure);
      return Promise.reject(failure.reason);
    }
    const tooLong = this.#endIfTooLong();
    if (tooLong !== undefined) return Promise.reject(tooLong);
    if (this.#outcome !== undefined) {
      const bytes = this.#queue.takeAll();
      this.#end();
      return Promise.resolve(bytes);
    }
    return new Promise((resolve, reject) => {
      this.#collecting = { resolve, reject };
      this.#source.resume();
    });
  }

  stream(): ReadableStream<Uint8Array> {
    this.#streamed = true;
    this.#claimed = this.#onChange = undefined;
    const bytes: UnderlyingByteSource = {
      type: 'bytes',
      start: (controller) => {
        this.#new = controller;
      },
      pull: (controller) => this.#pull(controller),
      cancel: (reason) => this.#cancel(reason),
    };
    // What is read ahead stays here, where a pipe can take it without a copy.
    const stream = new ReadableStream(bytes, { highWaterMark: 0 }) as ReadableStream<Uint8Array>;
    const failure = this.#outcome?.failure;
    if (failure !== undefined) this.#error(failure.reason);
    else {
      const take = (): void => {
        this.#claimed = 'piped';
        this.#forget();
      };
      // Not at once: an abort in the same breath comes before the first byte, as in the platform.
      shortenPipeThrough(stream, take, (target) => queueMicrotask(() => this.#startPipe(target)));
      this.heldBy(stream);
      if (this.#outcome !== undefined && this.holds) this.#source.listen(this);
    }
    return stream;
  }

  heldBy(holder: object): void {
    this.#holder ??= new BodyHolder({
      release: () => this.#release(),
      abandon: () => this.#abandon(),
    });
    this.#holder.set(holder);
  }

  #release(): boolean {
    if (this.#claimed !== undefined || this.#ended !== undefined) return false;
    if (this.#new !== undefined) this.#controller = new WeakRef(this.#new);
    this.#new = undefined;
    return true;
  }

  #abandon(): void {
    if (this.#claimed !== undefined || this.#ended !== undefined) return;
    const failure = { reason: new DOMException('nobody reads the answer', 'AbortError') };
    this.#queue.clear();
    if (this.#outcome === undefined) this.#source.cancel(failure.reason);
    this.#end(failure);
  }

  #startPipe(target: PipeTarget): void {
    const pipe = new Pipe(target, this.#source, (failure) => this.#end(failure));
    this.#pipe = pipe;
    const failure =
      this.#outcome?.failure ?? (this.#cancelled ? undefined : this.#source.aborted());
    if (failure !== undefined) {
      pipe.fail(failure.reason);
      return;
    }
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      pipe.write(chunk);
    }
    if (this.#outcome !== undefined) pipe.end();
    else if (!pipe.paused) this.#source.resume();
  }

  #pull(controller: ReadableByteStreamController): void {
    const failure = this.#source.aborted();
    if (failure !== undefined) {
      this.#error(failure.reason);
      return;
    }
    const chunk = this.#queue.shift();
    if (chunk !== undefined) this.#enqueue(controller, chunk);
    else this.#waiting = controller;
    if (this.#outcome === undefined) {
      if (this.#queue.length === 0) this.#source.resume();
    } else if (chunk === undefined) this.#close();
    else if (this.#queue.length === 0) this.#end();
  }

  #cancel(reason: unknown): void {
    const failure = this.#outcome === undefined ? undefined : this.#source.aborted();
    this.#queue.clear();
    this.#cancelled = true;
    this.#end({ reason });
    // As an aborted fetch's does: its stream is errored.
    if (failure !== undefined) throw failure.reason;
    if (this.#outcome !== undefined) return;
    this.#complete({});
    this.#source.cancel(reason);
  }

  #enqueue(controller: ReadableByteStreamController, chunk: Uint8Array): void {
    this.#waiting = undefined;
    // A copy: a byte stream takes the memory over, and the chunk is a view of the socket's.
    controller.enqueue(new Uint8Array(chunk));
  }

  #close(): void {
    const controller = this.#waiting ?? this.#new ?? this.#controller?.deref();
    this.#forget();
    controller?.close();
    // A read that waits with a buffer of its own is answered only so (Streams Standard §4.7.3).
    controller?.byobRequest?.respond(0);
    this.#end();
  }

  #error(reason: unknown): void {
    const controller = this.#waiting ?? this.#new ?? this.#controller?.deref();
    this.#forget();
    controller?.error(reason);
    this.#end({ reason });
  }

  #forget(): void {
    this.#waiting = this.#new = this.#controller = undefined;
  }

  #complete(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#onChange?.();
    for (const listener of this.#completions.splice(0)) listener();
  }

  /** @returns the error that it was ended with, if it is over its limit */
  #endIfTooLong(): Error | undefined {
    if (this.#limit === undefined || this.#queue.length <= this.#limit.bytes) return undefined;
    return this.#tooLong(this.#limit);
  }

  #tooLong(limit: BodyLimit): Error {
    const error = limit.error();
    this.#queue.clear();
    this.#complete({ failure: { reason: error } });
    this.#collecting?.reject(error);
    this.#pipe?.fail(error);
    this.#source.cancel(error);
    this.#error(error);
    return error;
  }

  #end(failure?: BodyFailure): void {
    if (this.#ended !== undefined) return;
    this.#ended = { failure };
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener(failure);
  }
}
