import type { WritableStreamDefaultWriter } from 'node:stream/web';
import { ByteQueue } from './byte-queue.js';

/** What a body needs from the exchange that it belongs to. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** The reader does not want the rest. */
  cancel(reason: unknown): void;
  /** Whether the caller has aborted, also after the last byte came: what is unread is not given out. */
  aborted(): { readonly reason: unknown } | undefined;
  /** Has a body that is complete, and whose pieces wait in somebody's stream, fail when the caller aborts. */
  listen(body: { onEnded(listener: () => void): void; fail(reason: unknown): void }): void;
}

/**
 * How much is taken off the socket before anybody reads: a short answer whole, so that cancelling it
 * (the SDK's way with an answer that it has no use for) does not break off the connection.
 */
export const READ_AHEAD_BYTES = 65_536;

/** After so much of what waited, and after so many pieces of the source, everybody else has a turn. */
const TURN_BYTES = 16_384;
const TURN_PIECES = 12_288;

type Decoder = InstanceType<typeof TextDecoder>;

/** Where a pipe ends: a stream of bytes, or one of text behind a decoder. */
export interface PipeTarget {
  readonly writable: WritableStream<unknown>;
  readonly writer: WritableStreamDefaultWriter<unknown>;
  readonly decoder: Decoder | undefined;
}

/**
 * The way of a body into a writable stream, as `pipeTo` is (Streams Standard §4.2.4).
 *
 * - One write is under way at most, and nothing is written after one that failed.
 * - While too much waits, the source is held back. It goes on in another turn of the event loop: it may have
 *   more at hand, and one fast stream would leave nobody else a turn. So it is after {@link TURN_PIECES}, which
 *   a server can make of one byte each.
 * - What waited is handed out in portions of {@link TURN_BYTES}, with a turn of the event loop between them: they
 *   may be thousands of events, and all of their readers' work is done in the same turn.
 * - A failure of the source waits for the write that is under way, and is then handed to the platform's
 *   own `pipeTo`: in which order an abort and a `cancel()` of the other side settle is its business, and
 *   an abort of ours that comes at once makes such a `cancel()` reject.
 * - Once the last piece was written, the source is at its end, and nothing of it can fail any more.
 * - The writer is not released at a good end: nothing more can be written.
 */
export class Pipe {
  readonly #target: PipeTarget;
  readonly #source: BodySource;
  readonly #onDrained: (failure?: { readonly reason: unknown }) => void;
  readonly #queue = new ByteQueue();
  /** The write that is under way. */
  #writing: Promise<void> | undefined;
  #paused = false;
  /** Pieces since the source went on last. */
  #pieces = 0;
  /** While the source is about to go on. */
  #resuming: NodeJS.Immediate | undefined;
  /** Bytes of the queue that were written in this portion. */
  #portion = 0;
  /** While the next portion waits for its turn. */
  #turning: NodeJS.Immediate | undefined;
  #ending = false;
  #over = false;

  /** @param onDrained called once: the last byte was taken, or the pipe broke */
  constructor(
    target: PipeTarget,
    source: BodySource,
    onDrained: (failure?: { readonly reason: unknown }) => void,
  ) {
    this.#target = target;
    this.#source = source;
    this.#onDrained = onDrained;
    target.writer.closed.catch((reason) => {
      if (this.#over) return;
      this.#finish({ reason });
      source.cancel(reason);
    });
  }

  /** Whether the source is held back. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether pieces wait that an abort keeps from being written. */
  get holds(): boolean {
    return !this.#over && this.#queue.length > 0;
  }

  write(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#writing === undefined && this.#queue.length === 0) this.#send(chunk);
    else this.#queue.push(chunk);
    if (this.#paused) return;
    const isFull = this.#queue.held >= READ_AHEAD_BYTES;
    if (!isFull && ++this.#pieces < TURN_PIECES) return;
    this.#paused = true;
    this.#source.pause();
    if (!isFull) this.#resumeSoon();
  }

  end(): void {
    this.#ending = true;
    this.#flow();
  }

  fail(reason: unknown): void {
    if (this.#over || (this.#ending && this.#queue.length === 0)) return;
    this.#finish({ reason });
    const breakOff = (): void => this.#breakOff(reason);
    if (this.#writing === undefined) breakOff();
    else this.#writing.then(breakOff, breakOff);
  }

  #breakOff(reason: unknown): void {
    const { writer, writable, decoder } = this.#target;
    writer.releaseLock();
    let fail = (): void => {};
    const broken = new ReadableStream({
      start: (controller) => {
        fail = () => controller.error(reason);
      },
    });
    // As many steps as the way would have without the short cut.
    const last = decoder === undefined ? broken : broken.pipeThrough(new TransformStream());
    last.pipeTo(writable).catch(ignore);
    fail();
  }

  #flow(): void {
    while (this.#writing === undefined && this.#turning === undefined && !this.#over) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#portion += chunk.length;
      if (this.#portion >= TURN_BYTES) this.#turning = setImmediate(this.#nextPortion);
      this.#send(chunk);
    }
    const hasRoom = this.#paused && !this.#over && this.#queue.held < READ_AHEAD_BYTES;
    if (hasRoom) this.#resumeSoon();
    const isThrough = this.#writing === undefined && this.#queue.length === 0;
    if (this.#ending && isThrough && !this.#over) this.#close();
  }

  readonly #nextPortion = (): void => {
    this.#turning = undefined;
    this.#portion = 0;
    this.#flow();
  };

  #send(chunk: Uint8Array): void {
    const { decoder } = this.#target;
    const piece = decoder === undefined ? chunk : this.#decode(decoder, chunk);
    if (piece === undefined) return;
    this.#writing = this.#target.writer.write(piece);
    this.#writing.then(this.#onWritten, ignore);
  }

  #resumeSoon(): void {
    this.#resuming ??= setImmediate(this.#resume);
  }

  readonly #resume = (): void => {
    this.#resuming = undefined;
    // At its end it has nothing more; its connection may be another answer's.
    if (this.#over || this.#ending) return;
    this.#paused = false;
    this.#pieces = 0;
    this.#source.resume();
  };

  readonly #onWritten = (): void => {
    this.#writing = undefined;
    this.#flow();
  };

  #close(): void {
    const { writer, decoder } = this.#target;
    const rest = decoder && this.#decode(decoder);
    if (this.#over) return;
    if (rest !== undefined) writer.write(rest).catch(ignore);
    this.#over = true;
    const drained = (): void => this.#onDrained();
    writer.close().then(drained, (reason) => this.#onDrained({ reason }));
  }

  /** Text, or `undefined` where there is none to write: part of a character, or one that is none. */
  #decode(decoder: Decoder, chunk?: Uint8Array): string | undefined {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined }) || undefined;
    } catch (error) {
      this.fail(error);
      this.#source.cancel(error);
      return undefined;
    }
  }

  #finish(failure: { readonly reason: unknown }): void {
    this.#over = true;
    this.#queue.clear();
    this.#onDrained(failure);
  }
}

/** Whoever waits for the writer is notified by `closed`. */
function ignore(): void {}
