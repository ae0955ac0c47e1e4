import { UnreadBody } from '../client/unread-body.js';
import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { answeredWithout, callTimedOut, endedEarly } from './ended-early.js';
import type { ServerLink } from './link.js';
import { withSafeProvider } from './login-provider.js';
import { withCause } from './login-refusal.js';
import { type AnswerLimit, OpenAnswers } from './open-answers.js';
import {
  type EndedAnswers,
  idsOf,
  type Messages,
  type RpcMessage,
  requestsIn,
} from './rpc-messages.js';
import { SoleAnswer } from './sole-answer.js';
import { type CallId, isAbandoned } from './under-way.js';

/** What the Streamable HTTP transports of both SDKs have in common, as far as it matters here. */
export interface StreamableHttpTransport {
  onmessage?: ((message: never) => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
}

/** What this file uses of it. The messages are passed on as they are. */
interface Base {
  onmessage?: ((message: RpcMessage) => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start(): Promise<void>;
  send(message: Messages, options?: SendOptions): Promise<void>;
  close(): Promise<void>;
  /** Of both SDKs, and not in their declarations. */
  _handleSseStream?(stream: unknown, options: StreamOptions, ...more: unknown[]): void;
}

interface StreamOptions {
  onresumptiontoken?: ((token: string) => void) | undefined;
  /** Of SDK v2: its subscriptions want to know. */
  onRequestStreamEnd?: (() => void) | undefined;
}

interface SendOptions {
  /** A stream is taken up again instead, over which the answer comes. */
  resumptionToken?: string;
  onresumptiontoken?: (token: string) => void;
  /** Of SDK v2, for protocol 2026-07-28: the caller gives up by ending the request, and nothing else is sent. */
  requestSignal?: AbortSignal;
}

/** A call is not taken up again after it was closed, nor past the limit that it was given. */
const FINAL: ReadonlySet<unknown> = new Set(['MCP_TLS_CLOSED', 'MCP_TLS_TIMEOUT']);

/**
 * Makes a class of an SDK's transport whose requests go by a link, and whose calls end with their streams.
 *
 * @param Unauthorized the SDK's error of that name
 * @param parse the SDK's way to read a message
 */
export function linkStreamableHttp<Transport extends StreamableHttpTransport, Options>(
  sdk: new (url: URL, options: Options) => Transport,
  Unauthorized: abstract new (...args: never[]) => Error,
  parse: (value: unknown) => unknown,
): new (
  url: URL,
  options: Options,
  link: ServerLink,
) => Transport {
  // biome-ignore lint/suspicious/noExplicitAny: TypeScript asks for this form of the constructor of a mixin.
  const Sdk = sdk as unknown as new (...args: any[]) => Base;

  class LinkedStreamableHttpTransport extends Sdk {
    readonly #link: ServerLink;
    readonly #answers = new OpenAnswers();
    readonly #server: URL;
    /** What was read of the bodies of requests, without what it was asked with. */
    readonly #requests = new WeakMap<RequestInit, Messages>();
    readonly #parts: Cancelling;
    /** Answers that the SDK is about to deliver once more. */
    readonly #repeated = new Set<CallId>();

    constructor(url: URL, options: Options, link: ServerLink) {
      const safe = withSafeProvider(options, link);
      super(url, { ...safe, fetch: link.fetch });
      this.#link = link;
      this.#server = url;
      this.#parts = { server: url, link, answers: this.#answers };
      link.listener = {
        leavesUnread: true,
        poolEnded: (error, final) => this.#deliver(this.#answers.end(error, final)),
        streamEnded: (init, error, lastEventId) => this.#onStreamEnded(init, error, lastEventId),
        callAfter: (eventId) => this.#answers.callAfter(eventId),
        messageTaken: (init, how) => {
          if (this.#answers.size > 0 && init !== undefined) {
            this.#answers.taken(this.#requestsOf(init), how);
          }
        },
        notResumed: (eventId) =>
          this.#deliver(this.#answers.notResumed(eventId, endedEarly(this.#server))),
        standingRefused: () => this.#deliver(this.#answers.endTaken(answeredWithout(this.#server))),
        resumed: (eventId) => this.#answers.resumed(eventId),
        isUnwanted: (eventId) => this.#answers.isUnwanted(eventId),
      };
    }

    #onStreamEnded(
      init: RequestInit | undefined,
      error: Error | undefined,
      lastEventId: string | undefined,
    ): void {
      if (this.#answers.size === 0) return;
      const final = FINAL.has((error as { code?: unknown } | undefined)?.code);
      const why = error ?? endedEarly(this.#server);
      if (typeof init?.body === 'string') {
        const requests = this.#requestsOf(init);
        this.#deliver(this.#answers.streamEnded(requests, why, final, performance.now()));
      } else if (lastEventId !== undefined) {
        this.#deliver(this.#answers.resumedStreamEnded(lastEventId, why, final));
      }
    }

    #requestsOf(init: RequestInit): Messages {
      const known = this.#requests.get(init);
      if (known !== undefined) return known;
      const requests = requestsIn(String(init.body));
      this.#requests.set(init, requests);
      return requests;
    }

    /** Ends their requests too: a stream may have been asked for again meanwhile. */
    #deliver(answers: EndedAnswers): void {
      for (const answer of answers) {
        this.#link.abandon(answer.id);
        this.onmessage?.(answer);
      }
    }

    override async start(): Promise<void> {
      this.#answers.watch(this);
      const deliver = this.onmessage;
      this.onmessage = (message) => {
        const isRepeated = this.#repeated.size > 0 && 'result' in message;
        if (!isRepeated || !this.#repeated.delete(message.id as CallId)) deliver?.(message);
      };
      const report = this.onerror;
      this.onerror = (error) => {
        if (isAbandoned(error)) return;
        report?.(this.#explained(error));
        // The SDK says no more than that when it gives a stream up.
        if (!error.message.startsWith('Maximum reconnection attempts')) return;
        this.#deliver(this.#answers.endBroken(this.#link.lastError ?? endedEarly(this.#server)));
      };
      await super.start();
    }

    override async send(message: Messages, options: SendOptions = {}): Promise<void> {
      const onresumptiontoken = (token: string): void => {
        this.#answers.resumable(message, token);
        options.onresumptiontoken?.(token);
      };
      options.requestSignal?.addEventListener('abort', () => this.#answers.abandonAll(message), {
        once: true,
      });
      const send = async (): Promise<void> => {
        await super.send(message, { ...options, onresumptiontoken });
        this.#onSent(message, options);
      };
      // An id that is used again is that of another call.
      if (this.#repeated.size > 0) for (const id of idsOf(message)) this.#repeated.delete(id);
      const call = cancelledCall(message);
      try {
        if (call === undefined)
          await this.#answers.whileSending(message, send, this.#limit(message));
        else await sendCancellation(this.#parts, call, message, send);
      } catch (error) {
        throw this.#explained(error);
      }
    }

    /** In the SDK's own way it costs two streams, which an answer of one event can do without. */
    override _handleSseStream(
      stream: unknown,
      options: StreamOptions,
      ...more: readonly unknown[]
    ): void {
      const { onresumptiontoken, onRequestStreamEnd } = options;
      const readAll = (as: StreamOptions): void => super._handleSseStream?.(stream, as, ...more);
      if (!(stream instanceof UnreadBody) || onRequestStreamEnd !== undefined) {
        readAll(options);
        return;
      }
      let isReported = false;
      new SoleAnswer(stream, {
        parse: parse as (value: unknown) => RpcMessage,
        resumable: (token) => {
          onresumptiontoken?.(token);
          isReported = true;
        },
        deliver: (message) => {
          try {
            this.onmessage?.(message);
          } catch (error) {
            this.onerror?.(error as Error);
          }
        },
        readAll: (delivered) => {
          if (delivered !== undefined) this.#repeated.add(delivered.id as CallId);
          const isKnown = delivered !== undefined && isReported;
          readAll(
            isKnown ? { ...options, onresumptiontoken: afterFirst(onresumptiontoken) } : options,
          );
        },
      });
    }

    /** @throws what `whileSending` passes on: its answer can come no more */
    #onSent(message: Messages, { resumptionToken }: SendOptions): void {
      if (resumptionToken !== undefined) this.#answers.taken(message, 'without an answer');
      const elsewhere = resumptionToken !== undefined || this.#link.listens;
      if (!this.#answers.isLost(message, elsewhere, performance.now())) return;
      throw answeredWithout(this.#server);
    }

    #limit(message: Messages): AnswerLimit {
      const ms = this.#link.totalMs;
      const expired = (): void =>
        this.#deliver(this.#answers.endMessage(message, callTimedOut(this.#server, ms)));
      return { ms, since: performance.now(), onceBroken: true, expired };
    }

    #explained<E>(error: E): E {
      return error instanceof Unauthorized ? withCause(error, this.#link.loginError) : error;
    }

    override async close(): Promise<void> {
      this.#answers.close();
      await super.close();
      await this.#link.close();
    }
  }
  return LinkedStreamableHttpTransport as never;
}

/** Without the first token, which was reported already. */
function afterFirst(report: ((token: string) => void) | undefined): (token: string) => void {
  let isFirst = true;
  return (token) => {
    if (!isFirst) report?.(token);
    isFirst = false;
  };
}
