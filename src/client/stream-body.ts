import { Buffer } from 'node:buffer';

/** Gives the next piece, or `undefined` at the end. */
type Next = () => Promise<Uint8Array | undefined>;

/**
 * A body that can be sent once, with whatever its source does kept inside: undici is handed an async
 * iterable of ours, which never throws where it is not expected.
 *
 * - The source is taken (locked, its iterator obtained) when this is made, where a mistake can still
 *   reject the fetch.
 * - `failure` is set if and only if the source failed, so that a request that breaks off because of
 *   it is distinguished from a connection that did.
 * - The source is cancelled at most once, and not after its end.
 */
export class StreamBody implements AsyncIterable<Uint8Array> {
  readonly #next: Next;
  readonly #cancelSource: (reason: unknown) => unknown;
  /** What was read before anybody asked for it. */
  readonly #ahead: Promise<Uint8Array | undefined>[];
  #over = false;
  #failure: { readonly reason: unknown } | undefined;

  private constructor(
    next: Next,
    cancel: (reason: unknown) => unknown,
    ahead: Promise<Uint8Array | undefined>[] = [],
  ) {
    this.#next = next;
    this.#cancelSource = cancel;
    this.#ahead = ahead;
  }

  /** @throws {TypeError} if the stream is locked */
  static ofStream(stream: ReadableStream<unknown>): StreamBody {
    const reader = stream.getReader();
    const next: Next = async () => {
      const { done, value } = await reader.read();
      if (done) return undefined;
      // Fetch Standard, "incrementally read": anything else is an error.
      if (!isBytes(value)) throw new TypeError('a chunk of the body is not a Uint8Array');
      return value;
    };
    return new StreamBody(next, (reason) => reader.cancel(reason));
  }

  /** @throws whatever obtaining the iterator throws; a TypeError if it is none */
  static ofIterable(iterable: AsyncIterable<unknown>): StreamBody {
    const iterator = iterable[Symbol.asyncIterator]();
    if (typeof iterator?.next !== 'function') throw new TypeError('no iterator');
    const next: Next = async () => {
      const result = await iterator.next();
      if (typeof result !== 'object' || result === null) throw new TypeError('no iterator result');
      const { done, value } = result;
      if (done) return undefined;
      return isBytes(value) ? value : Buffer.from(value as string);
    };
    return new StreamBody(next, () => iterator.return?.());
  }

  /** Why the source failed, if it did. */
  get failure(): { readonly reason: unknown } | undefined {
    return this.#failure;
  }

  /**
   * Reads what the source has at hand. All of it, if it ends without letting the event loop go round
   * a few times and is no longer than `limit`; else a body that begins with what was read.
   */
  async drain(limit: number): Promise<Uint8Array | StreamBody> {
    const pieces: Uint8Array[] = [];
    for (let length = 0; length <= limit; ) {
      const reading = this.#read();
      // Whoever reads on gets the error.
      reading.catch(() => {});
      const read = await Promise.race([reading, turns(4)]);
      if (read === LATER) return this.#after(pieces, reading);
      if (read === undefined) return Buffer.concat(pieces);
      pieces.push(read);
      length += read.length;
    }
    return this.#after(pieces);
  }

  /** The rest is not wanted. Never throws: how a source takes it is its own business. */
  cancel(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    try {
      Promise.resolve(this.#cancelSource(reason)).catch(() => {});
    } catch {}
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (let piece = await this.#read(); piece !== undefined; piece = await this.#read()) {
        if (piece.length > 0) yield piece;
      }
    } finally {
      this.cancel();
    }
  }

  /** As this one, with `pieces` (and what is being read) before the rest. */
  #after(pieces: readonly Uint8Array[], reading?: Promise<Uint8Array | undefined>): StreamBody {
    const ahead = pieces.map((piece) => Promise.resolve<Uint8Array | undefined>(piece));
    if (reading !== undefined) ahead.push(reading);
    return new StreamBody(
      () => this.#read(),
      (reason) => this.cancel(reason),
      ahead,
    );
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      const piece = await (this.#ahead.shift() ?? this.#next());
      if (piece === undefined) this.#over = true;
      return piece;
    } catch (reason) {
      this.#over = true;
      this.#failure ??= { reason };
      // Whatever was thrown, undici gets an error.
      throw new Error('the body of the request failed');
    }
  }
}

const LATER = Symbol('later');

async function turns(count: number): Promise<typeof LATER> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  return LATER;
}

/** Of this realm or another. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value[Symbol.toStringTag as never] === 'Uint8Array';
}
