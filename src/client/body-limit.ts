import { isEventStreamType } from './event-stream-type.js';
import { badAnswer } from './fetch-error.js';

/** What a whole body may have at most, and the error of one that has more. */
export interface BodyLimit {
  readonly bytes: number;
  /** Of an event stream, which has no end: what waits for the end of its event. */
  readonly event: EventSize | undefined;
  error(): Error;
}

/** The limit of an answer of this type, by what its request says. */
export function bodyLimit(
  { maxBodyBytes: bytes, url }: { readonly maxBodyBytes: number; readonly url: URL },
  contentType: string | readonly string[] | undefined,
): BodyLimit | undefined {
  if (bytes === 0) return undefined;
  const isEventStream = isEventStreamType(contentType);
  const what = isEventStream ? 'an event of its stream' : 'its body';
  return {
    bytes,
    event: isEventStream ? new EventSize(bytes) : undefined,
    error: () => badAnswer(url, `${what} has more than ${bytes} bytes`),
  };
}

const LF = 10;
const CR = 13;
const COLON = 58;

/**
 * How much of an event stream its reader has to keep: everything since the last blank line, which ends
 * an event, but for comments, which servers send to keep a connection open (HTML Standard §9.2.6).
 */
export class EventSize {
  readonly #most: number;
  /** Bytes of the lines of this event that are complete. */
  #lines = 0;
  #line = 0;
  #isComment = false;
  #afterCr = false;

  /** @param most bytes of one event */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the event is too long with `chunk`, a part of the stream. */
  exceeds(chunk: Uint8Array): boolean {
    return this.#afterCr || chunk.includes(CR) ? this.#addBytes(chunk) : this.#addLines(chunk);
  }

  #addBytes(chunk: Uint8Array): boolean {
    for (const byte of chunk) {
      if (byte === CR || (byte === LF && !this.#afterCr)) this.#endLine();
      else if (byte !== LF) {
        if (this.#line === 0) this.#isComment = byte === COLON;
        this.#line++;
        if (this.#lines + this.#line > this.#most) return true;
      }
      this.#afterCr = byte === CR;
    }
    return false;
  }

  /** The same where lines end with LF alone, as they nearly always do. A byte costs a tenth, of long lines a hundredth. */
  #addLines(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      const found = chunk.indexOf(LF, at);
      const end = found === -1 ? chunk.length : found;
      if (end > at) {
        if (this.#line === 0) this.#isComment = chunk[at] === COLON;
        this.#line += end - at;
        if (this.#lines + this.#line > this.#most) return true;
      }
      if (found === -1) break;
      this.#endLine();
      at = end + 1;
    }
    return false;
  }

  #endLine(): void {
    if (this.#line === 0) this.#lines = 0;
    else if (!this.#isComment) this.#lines += this.#line;
    this.#line = 0;
  }
}
