import { Buffer } from 'node:buffer';
import { LineEnds } from '../line-ends.js';
import { BridgeError } from '../rpc.js';

/** Of an event that is held: no endpoint is as long. */
const MAX_BYTES = 64 * 1024;
/** Of a line, as far as it is looked at: by then it is clear whether it names the event. */
const MAX_LINE = 1024;

/**
 * Rewrites the `endpoint` events of a stream of HTTP with SSE. Each event is held until it is whole; one that grows
 * over its bound goes on in pieces unless it is an `endpoint`, and where it turns out to be one after all, the stream
 * is refused before the event has ended, so that no client has it.
 *
 * Linear in what is pushed. Texts are bytes, one a character (latin1).
 */
export class EndpointEvents {
  readonly #host: string;
  readonly #rewrite: (url: string) => string;
  /** What came earlier of the event that has not ended. Empty where {@link #isLarge}. */
  #held = '';
  /** The event is over its bound, and goes on as it comes. */
  #isLarge = false;
  /** The start of the line that has not ended. */
  #line = '';
  /** The last character was CR: an LF that follows belongs to it. */
  #afterCr = false;
  #isFirstLine = true;
  /** Of the event that has not ended. */
  #hasField = false;
  #kind: 'endpoint' | 'other' | undefined;
  /** That of the first one: all later ones have to say the same. */
  #endpoint: string | undefined;
  #rewritten = '';

  /**
   * @param host for errors
   * @param rewrite gives the address for the client; called once; throws {@link BridgeError}
   */
  constructor(host: string, rewrite: (url: string) => string) {
    this.#host = host;
    this.#rewrite = rewrite;
  }

  /**
   * @returns what may go on now; nothing, if that is empty
   * @throws {BridgeError}
   */
  push(chunk: Uint8Array): Uint8Array {
    if (chunk.length === 0) return chunk;
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    const out: string[] = [];
    const ends = new LineEnds(text);
    // All before `sent` is in `out`, with what was held; the event that has not ended begins at `begin`.
    let [sent, begin] = [0, 0];
    let from = this.#afterCr && text[0] === '\n' ? 1 : 0;
    this.#afterCr = false;
    for (let at = ends.next(from); at !== -1; at = ends.next(from)) {
      const line = this.#line + text.slice(from, Math.min(at, from + MAX_LINE + 1));
      this.#line = '';
      from = at + 1;
      if (text[at] === '\r') {
        this.#afterCr = from === text.length;
        if (text[from] === '\n') from += 1;
      }
      if (!this.#isOver(line)) continue;
      if (this.#kind === 'endpoint') {
        out.push(text.slice(sent, begin), this.#event(this.#held + text.slice(begin, from)));
        sent = from;
      } else out.push(this.#held);
      begin = from;
      this.#reset();
    }
    if (this.#line.length <= MAX_LINE) this.#line += text.slice(from, from + MAX_LINE + 1);
    out.push(text.slice(sent, begin), this.#hold(text.slice(begin)));
    return Buffer.from(out.join(''), 'latin1');
  }

  /** What is held when the stream ends is no event. */
  end(): Uint8Array {
    return Buffer.from(this.#kind === 'endpoint' ? '' : this.#held, 'latin1');
  }

  /** Reads a line. @returns whether what came may go on: the event has ended, or it is a comment before one */
  #isOver(given: string): boolean {
    const line = this.#isFirstLine ? given.replace(/^\xEF\xBB\xBF/, '') : given;
    this.#isFirstLine = false;
    if (line === '') return true;
    if (line[0] === ':') return !this.#hasField;
    this.#hasField = true;
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name.trim().toLowerCase() !== 'event') return false;
    const isEndpoint = name === 'event' && value === 'endpoint';
    // By the standard these are other events; there are clients that read them otherwise.
    const isUnclear = !isEndpoint && value.trim().toLowerCase() === 'endpoint';
    const kind = isEndpoint ? 'endpoint' : 'other';
    if (isUnclear || line.length > MAX_LINE || (this.#kind ?? kind) !== kind) {
      throw this.#refusal('the stream has an event whose name can be read in two ways');
    }
    this.#kind = kind;
    if (isEndpoint && this.#isLarge) throw this.#tooLarge();
    return false;
  }

  /** @returns what of it may go on */
  #hold(rest: string): string {
    if (this.#isLarge) return rest;
    this.#held += rest;
    if (this.#held.length <= MAX_BYTES) return '';
    if (this.#kind === 'endpoint') throw this.#tooLarge();
    const held = this.#held;
    this.#held = '';
    this.#isLarge = true;
    return held;
  }

  #reset(): void {
    this.#held = '';
    this.#isLarge = false;
    this.#hasField = false;
    this.#kind = undefined;
  }

  #event(block: string): string {
    const data = Buffer.from(block, 'latin1')
      .toString('utf8')
      .split(/\r\n|\r|\n/)
      .filter((line) => line === 'data' || line.startsWith('data:'))
      .map((line) => line.slice('data:'.length).replace(/^ /, ''))
      .join('\n');
    if (this.#endpoint !== undefined && this.#endpoint !== data) {
      throw this.#refusal('the stream names another endpoint for messages than before');
    }
    if (this.#endpoint === undefined) {
      this.#rewritten = Buffer.from(this.#rewrite(data), 'utf8').toString('latin1');
    }
    this.#endpoint = data;
    return `event: endpoint\ndata: ${this.#rewritten}\n\n`;
  }

  #tooLarge(): BridgeError {
    return this.#refusal('the endpoint event of the stream is too large');
  }

  #refusal(why: string): BridgeError {
    return new BridgeError('bad-answer', `${this.#host}: ${why}: refused`);
  }
}
