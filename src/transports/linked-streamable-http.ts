import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { answeredWithout } from './ended-early.js';
import type { ServerLink } from './link.js';
import { LinkedAnswers } from './linked-answers.js';
import { withSafeProvider } from './login-provider.js';
import { withCause } from './login-refusal.js';
import { OpenAnswers } from './open-answers.js';
import type { Messages, RpcMessage } from './rpc-messages.js';
import { readAnswer, type StreamOptions } from './sole-answer.js';
import { isAbandoned } from './under-way.js';

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

interface SendOptions {
  /** A stream is taken up again instead, over which the answer comes. */
  resumptionToken?: string;
  onresumptiontoken?: (token: string) => void;
  /** Of SDK v2, for protocol 2026-07-28: the caller gives up by ending the request, and nothing else is sent. */
  requestSignal?: AbortSignal;
}

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
    readonly #linked: LinkedAnswers;
    readonly #parts: Cancelling;

    constructor(url: URL, options: Options, link: ServerLink) {
      const safe = withSafeProvider(options, link);
      super(url, { ...safe, fetch: link.fetch });
      this.#link = link;
      this.#server = url;
      this.#parts = { server: url, link, answers: this.#answers };
      this.#linked = new LinkedAnswers(this.#answers, url, link, (message) =>
        this.onmessage?.(message),
      );
      link.listener = this.#linked;
    }

    override async start(): Promise<void> {
      this.#answers.watch(this);
      const report = this.onerror;
      this.onerror = (error) => {
        if (isAbandoned(error)) return;
        report?.(this.#explained(error));
        // The SDK says no more than that when it gives a stream up.
        if (error.message.startsWith('Maximum reconnection attempts')) this.#linked.givenUp();
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
      const call = cancelledCall(message);
      try {
        if (call === undefined)
          await this.#answers.whileSending(message, send, this.#linked.limitOf(message));
        else await sendCancellation(this.#parts, call, message, send);
      } catch (error) {
        throw this.#explained(error);
      }
    }

    override _handleSseStream(
      stream: unknown,
      options: StreamOptions,
      ...more: readonly unknown[]
    ): void {
      readAnswer(stream, options, {
        parse: parse as (value: unknown) => RpcMessage,
        deliver: (message) => this.onmessage?.(message),
        onError: (error) => this.onerror?.(error),
        readAll: () => super._handleSseStream?.(stream, options, ...more),
      });
    }

    /** @throws what `whileSending` passes on: its answer can come no more */
    #onSent(message: Messages, { resumptionToken }: SendOptions): void {
      if (resumptionToken !== undefined) this.#answers.taken(message, 'without an answer');
      const elsewhere = resumptionToken !== undefined || this.#link.listens;
      if (!this.#answers.isLost(message, elsewhere, performance.now())) return;
      throw answeredWithout(this.#server);
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
