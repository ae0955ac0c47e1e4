import { LineEnds } from './line-ends.js';

/** One event of an event stream (HTML Standard §9.2.6). */
export interface ServerEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  /** Empty for an event that only sets an id. */
  readonly data: string;
  /** The last id that the stream has set, this event's or an earlier one's. */
  readonly id: string | undefined;
  /** How long to wait before the stream is asked for again, in ms, if the event says so. */
  readonly retry: number | undefined;
}

/** An event is larger than its bound: what follows cannot be read. */
export class EventTooLargeError extends Error {}

/**
 * Reads the events of a stream, one after the other: the next bytes are read when the event before was
 * dealt with.
 *
 * @param maxChars of one event
 * @throws {EventTooLargeError}, and whatever the stream fails with
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  maxChars: number,
): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder();
  const parser = new EventParser(maxChars);
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    yield* parser.push(decoder.decode(chunk, { stream: true }));
  }
}

/**
 * Lines end with CR, LF or CRLF; an event with an empty line. What has no empty line after it at the end of a
 * stream is no event, as the standard says.
 */
class EventParser {
  readonly #maxChars: number;
  /** Pieces of a line that has not ended: joined once, so that a long line in small pieces stays linear. */
  #pieces: string[] = [];
  #chars = 0;
  /** The last character was CR: an LF that follows belongs to it. */
  #afterCr = false;
  #data: string[] = [];
  #event = '';
  #id: string | undefined;
  #retry: number | undefined;
  #hasField = false;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  *push(text: string): Generator<ServerEvent, void, undefined> {
    let from = 0;
    if (this.#afterCr && text !== '') {
      if (text[0] === '\n') from = 1;
      this.#afterCr = false;
    }
    const ends = new LineEnds(text);
    while (from < text.length) {
      const at = ends.next(from);
      if (at === -1) break;
      this.#count(at - from);
      const event = this.#line(this.#pieces.join('') + text.slice(from, at));
      this.#pieces = [];
      from = at + 1;
      if (text[at] === '\r') {
        if (from === text.length) this.#afterCr = true;
        else if (text[from] === '\n') from += 1;
      }
      if (event !== undefined) yield event;
    }
    if (from < text.length) {
      this.#count(text.length - from);
      this.#pieces.push(text.slice(from));
    }
  }

  #count(chars: number): void {
    this.#chars += chars;
    if (this.#chars > this.#maxChars) throw new EventTooLargeError();
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') return this.#dispatch();
    // A comment, sent to keep the connection alive.
    if (line[0] === ':') {
      if (!this.#hasField) this.#chars = 0;
      return undefined;
    }
    this.#hasField = true;
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.#retry = Number(value);
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const [data, event, retry] = [this.#data, this.#event, this.#retry];
    const hadField = this.#hasField;
    this.#data = [];
    this.#event = '';
    this.#retry = undefined;
    this.#hasField = false;
    this.#chars = 0;
    if (!hadField) return undefined;
    const id = this.#id === '' ? undefined : this.#id;
    return { event: event === '' ? 'message' : event, data: data.join('\n'), id, retry };
  }
}
