import type { UnreadBody } from '../client/unread-body.js';
import type { RpcMessage } from './rpc-messages.js';

/** What an event stream is read for, and by. */
export interface StreamReader {
  /** As the SDK does. @throws for what is no message */
  parse(value: unknown): RpcMessage;
  /** After this event the stream can be taken up again. @throws what whoever is told of it throws */
  resumable(eventId: string): void;
  deliver(message: RpcMessage): void;
  /** Reads the stream in the SDK's own way, from its beginning: `delivered` is in it once more. */
  readAll(delivered: RpcMessage | undefined): void;
}

/**
 * Reads the stream that answers one message where it is what nearly all are: one event, which came in one piece and
 * holds the result, and then its end. Any other is left to the SDK before anything of it was delivered, but for what
 * comes after the result: then the SDK reads that once more.
 *
 * - Everything stays in the body until it is through: what bounds a body bounds it too.
 * - The result is read when it comes, so that no failure in the same breath gets in before it, and delivered in a
 *   microtask, when whoever brought the bytes is through with them.
 */
export class SoleAnswer {
  readonly #body: UnreadBody;
  readonly #reader: StreamReader;
  #answer: Answer | undefined;
  #isDelivered = false;
  #isLooking = false;
  #isOver = false;

  constructor(body: UnreadBody, reader: StreamReader) {
    this.#body = body;
    this.#reader = reader;
    body.watch(this.#lookSoon);
    this.#lookSoon();
  }

  readonly #lookSoon = (): void => {
    this.#answer ??= this.#read();
    if (this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(this.#look);
  };

  readonly #look = (): void => {
    this.#isLooking = false;
    if (this.#isOver) return;
    const { waiting, complete } = this.#body;
    const answer = this.#answer;
    if (answer === undefined) {
      if (waiting > 0 || complete) this.#readAll();
      return;
    }
    if (!this.#isDelivered && !this.#deliver(answer)) return void this.#readAll();
    if (answer.bytes !== waiting) return void this.#readAll();
    if (!complete) return;
    this.#isOver = true;
    this.#body.discard();
  };

  /** The answer, if it is what has come first, and all that has come. */
  #read(): Answer | undefined {
    const piece = this.#body.onlyPiece;
    const event = piece && soleEvent(piece);
    const message = event && this.#parsed(event.data);
    if (message === undefined || !('result' in message)) return undefined;
    return { message, eventId: event?.id, bytes: this.#body.waiting };
  }

  /** @returns whether it was; else the SDK meets the same error, and takes the stream for broken */
  #deliver({ message, eventId }: Answer): boolean {
    try {
      if (eventId !== undefined) this.#reader.resumable(eventId);
    } catch {
      return false;
    }
    this.#isDelivered = true;
    this.#reader.deliver(message);
    return true;
  }

  #parsed(data: string): RpcMessage | undefined {
    try {
      return this.#reader.parse(JSON.parse(data));
    } catch {
      // The SDK reports it.
      return undefined;
    }
  }

  #readAll(): void {
    this.#isOver = true;
    // Of one that failed nothing is read again.
    const isRepeated = this.#isDelivered && this.#body.waiting > 0;
    this.#reader.readAll(isRepeated ? this.#answer?.message : undefined);
  }
}

interface Answer {
  readonly message: RpcMessage;
  /** Of the event that it came in. */
  readonly eventId: string | undefined;
  readonly bytes: number;
}

const LF = 10;
/** An `id`, the type and one line of data, as servers write them (HTML Standard §9.2.6). One space is not part of a value. */
const ID = String.raw`(?:id:(?: |(?! ))([^\r\n\0]+)\r?\n)?`;
const EVENT = new RegExp(
  String.raw`^${ID}(?:event: ?message\r?\n)?${ID}data:(?: |(?! ))([^\r\n]+)\r?\n\r?\n$`,
);
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** The event that these bytes are, if they are exactly one, of the usual form. */
function soleEvent(bytes: Uint8Array): { readonly id?: string; readonly data: string } | undefined {
  if (bytes.at(-1) !== LF) return undefined;
  const [, first, second, data] = EVENT.exec(DECODER.decode(bytes)) ?? [];
  if (data === undefined) return undefined;
  const id = second ?? first;
  return id === undefined ? { data } : { id, data };
}
