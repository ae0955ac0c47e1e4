import type { ReadableWritablePair, StreamPipeOptions } from 'node:stream/web';
import type { ResponseBody } from './response-body.js';

/**
 * What stands in the place of `response.body` for a reader that may do without a stream: of a short answer, the stream
 * and what it is piped through cost more than all else.
 *
 * Until it is read, what has come can be looked at and stays where it is. It is read once: as a stream, whose methods it
 * has as far as the SDKs call them, or {@link discard}ed.
 */
export class UnreadBody {
  readonly #body: ResponseBody;
  readonly #open: () => ReadableStream;

  /** @param open makes the stream, the same each time */
  constructor(body: ResponseBody, open: () => ReadableStream) {
    this.#body = body;
    this.#open = open;
  }

  /** Whether the last byte has come, or none will: where it failed, nothing waits. */
  get complete(): boolean {
    return this.#body.complete;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#body.waiting;
  }

  /** They, if they came in one piece. */
  get onlyPiece(): Uint8Array | undefined {
    return this.#body.onlyPiece;
  }

  /** Calls `onChange` when a piece has come, and at the end, until it is read. */
  watch(onChange: () => void): void {
    this.#body.watch(onChange);
  }

  /** Reads what waits, once it is complete, and gives it to nobody. */
  discard(): void {
    this.#body.collect().catch(() => {});
  }

  pipeThrough(pair: ReadableWritablePair, options?: StreamPipeOptions): ReadableStream {
    return this.#open().pipeThrough(pair as never, options);
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#open().cancel(reason);
  }
}
