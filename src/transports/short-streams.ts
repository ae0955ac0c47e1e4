import { UnreadBody } from '../client/unread-body.js';
import { idsOf, type Messages, type RpcMessage } from './rpc-messages.js';
import { SoleAnswer } from './sole-answer.js';
import type { CallId } from './under-way.js';

/** What the SDKs read a stream with that answers a message. */
export interface StreamOptions {
  readonly onresumptiontoken?: ((token: string) => void) | undefined;
  /** Of SDK v2: its subscriptions want to know. */
  readonly onRequestStreamEnd?: (() => void) | undefined;
}

/** Where what is read goes. */
export interface ShortStreamReader {
  deliver(message: RpcMessage): void;
  onError(error: Error): void;
  /** Has the SDK read the stream, from its beginning. */
  readAll(options: StreamOptions): void;
}

/**
 * The streams of one transport that answer messages. In the SDK's own way each costs two web streams, which an answer of
 * one event can do without: see {@link SoleAnswer}.
 *
 * An answer is in `#repeated` from when the SDK is given a stream whose result was delivered, until it has delivered that
 * once more, or its id is used for another call.
 */
export class ShortStreams {
  readonly #parse: (value: unknown) => RpcMessage;
  readonly #repeated = new Set<CallId>();

  /** @param parse the SDK's way to read a message */
  constructor(parse: (value: unknown) => unknown) {
    this.#parse = parse as (value: unknown) => RpcMessage;
  }

  /** Whether it was delivered before the SDK did so. Of each answer once. */
  isRepeated(message: RpcMessage): boolean {
    if (this.#repeated.size === 0 || !('result' in message)) return false;
    return this.#repeated.delete(message.id as CallId);
  }

  /** They are about to be sent: an id that is used again is that of another call. */
  forget(messages: Messages): void {
    if (this.#repeated.size > 0) for (const id of idsOf(messages)) this.#repeated.delete(id);
  }

  read(stream: unknown, options: StreamOptions, reader: ShortStreamReader): void {
    const { onresumptiontoken, onRequestStreamEnd } = options;
    if (!(stream instanceof UnreadBody) || onRequestStreamEnd !== undefined) {
      reader.readAll(options);
      return;
    }
    let isReported = false;
    new SoleAnswer(stream, {
      parse: this.#parse,
      resumable: (token) => {
        onresumptiontoken?.(token);
        isReported = true;
      },
      deliver: (message) => {
        try {
          reader.deliver(message);
        } catch (error) {
          reader.onError(error as Error);
        }
      },
      readAll: (delivered) => {
        if (delivered !== undefined) this.#repeated.add(delivered.id as CallId);
        const isKnown = delivered !== undefined && isReported;
        reader.readAll(
          isKnown ? { ...options, onresumptiontoken: afterFirst(onresumptiontoken) } : options,
        );
      },
    });
  }
}

/** Without the first token, which was reported already. */
function afterFirst(report: ((token: string) => void) | undefined): (token: string) => void {
  let isFirst = true;
  return (token) => {
    if (!isFirst) report?.(token);
    isFirst = false;
  };
}
