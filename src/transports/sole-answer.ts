import { UnreadBody } from '../client/unread-body.js';
import type { RpcMessage } from './rpc-messages.js';

/** What the SDKs read a stream with that answers a message. */
export interface StreamOptions {
  readonly onresumptiontoken?: ((token: string) => void) | undefined;
  /** Of SDK v2: its subscriptions want to know. */
  readonly onRequestStreamEnd?: (() => void) | undefined;
}

/** By what a stream is read, and where to. */
export interface AnswerReader {
  /** As the SDK does. @throws for what is no message */
  parse(value: unknown): RpcMessage;
  deliver(message: RpcMessage): void;
  onError(error: Error): void;
  /** Has the SDK read the stream, from its beginning. */
  readAll(): void;
}

/** Reads the stream that answers a message: in the SDK's own way, unless it is short. */
export function readAnswer(stream: unknown, options: StreamOptions, reader: AnswerReader): void {
  if (stream instanceof UnreadBody && options.onRequestStreamEnd === undefined) {
    new SoleAnswer(stream, options, reader);
  } else reader.readAll();
}

/**
 * Reads the stream that answers one message where it is what nearly all are: one event, which comes in one piece, holds
 * the result, and has the end of the stream in the same read of the socket. In the SDK's own way that costs two web
 * streams. Any other stream is left to the SDK before anything of it was delivered.
 *
 * - Everything stays in the body until it is through: what bounds a body bounds it too.
 * - The result is read when it comes, so that no failure in the same breath gets in before it, and delivered in a
 *   microtask, when whoever brought the bytes is through with them.
 */
class SoleAnswer {
  readonly #body: UnreadBody;
  readonly #options: StreamOptions;
  readonly #reader: AnswerReader;
  #answer: Answer | undefined;
  #isLooking = false;
  #isOver = false;

  constructor(body: UnreadBody, options: StreamOptions, reader: AnswerReader) {
    this.#body = body;
    this.#options = options;
    this.#reader = reader;
    body.watch(this.#lookSoon);
    this.#lookSoon();
  }

  readonly #lookSoon = (): void => {
    this.#answer ??= this.#read();
    if (this.#isLooking) return;
    this.#isLooking = true;
    // What a listener throws is a rejection, as it is of the SDK.
    void Promise.resolve().then(this.#look);
  };

  readonly #look = (): void => {
    this.#isLooking = false;
    const { waiting, complete } = this.#body;
    if (this.#isOver || (waiting === 0 && !complete)) return;
    this.#isOver = true;
    const answer = this.#answer;
    // Of a stream that failed nothing waits any more.
    const hasFailed = complete && waiting === 0;
    const isSole = answer !== undefined && complete && (hasFailed || answer.bytes === waiting);
    if (!isSole || !this.#isReported(answer)) return void this.#reader.readAll();
    // Why it failed, the SDK reports.
    if (hasFailed) this.#reader.readAll();
    else this.#body.discard();
    this.#deliver(answer.message);
  };

  /** The answer, if it is what has come first, and all that has come. */
  #read(): Answer | undefined {
    const piece = this.#body.onlyPiece;
    const event = piece && soleEvent(piece);
    const message = event && this.#parsed(event.data);
    if (message === undefined || !('result' in message)) return undefined;
    return { message, eventId: event?.id, bytes: this.#body.waiting };
  }

  #parsed(data: string): RpcMessage | undefined {
    try {
      return this.#reader.parse(JSON.parse(data));
    } catch {
      // The SDK reports it.
      return undefined;
    }
  }

  /** @returns whether it was; else the SDK meets the same error, and takes the stream for broken */
  #isReported({ eventId }: Answer): boolean {
    try {
      if (eventId !== undefined) this.#options.onresumptiontoken?.(eventId);
      return true;
    } catch {
      return false;
    }
  }

  #deliver(message: RpcMessage): void {
    try {
      this.#reader.deliver(message);
    } catch (error) {
      this.#reader.onError(error as Error);
    }
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
