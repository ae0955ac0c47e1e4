import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { callTimedOut } from './ended-early.js';
import type { ServerLink } from './link.js';
import { withSafeProvider } from './login-provider.js';
import { withCause } from './login-refusal.js';
import { OpenAnswers } from './open-answers.js';
import type { RpcMessage } from './rpc-messages.js';
import { StandingStream } from './standing-stream.js';
import { isAbandoned } from './under-way.js';

/** What the SSE transports of both SDKs have in common, as far as it matters here. */
export interface SseTransport {
  onmessage?: ((message: never) => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start(): Promise<void>;
  send(message: never): Promise<void>;
  close(): Promise<void>;
}

/** What this file uses of it. The messages are passed on as they are. */
interface Base {
  onmessage?: ((message: RpcMessage) => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start(): Promise<void>;
  send(message: RpcMessage): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes a class of an SDK's transport whose requests go by a link, and that ends when its stream is refused.
 *
 * @param Unauthorized the SDK's error of that name, which carries no name of its own in v1
 */
export function linkSse<Transport extends SseTransport, Options extends { authProvider?: unknown }>(
  sdk: new (url: URL, options: Options) => Transport,
  Unauthorized: abstract new (...args: never[]) => Error,
): new (
  url: URL,
  options: Options,
  link: ServerLink,
) => Transport {
  // biome-ignore lint/suspicious/noExplicitAny: TypeScript asks for this form of the constructor of a mixin.
  const Sdk = sdk as unknown as new (...args: any[]) => Base;

  class LinkedSseTransport extends Sdk {
    readonly #link: ServerLink;
    readonly #answers = new OpenAnswers();
    readonly #server: URL;
    readonly #parts: Cancelling;
    readonly #stream: StandingStream;

    constructor(url: URL, options: Options, link: ServerLink) {
      const safe = withSafeProvider(options, link);
      super(url, { ...safe, fetch: link.fetch });
      this.#link = link;
      this.#server = url;
      this.#parts = { server: url, link, answers: this.#answers };
      this.#stream = new StandingStream({
        server: url,
        authorizes: options.authProvider !== undefined,
        onEnd: (error) => this.#endAnswers(error),
        onGivenUp: (error) => {
          this.#endAnswers(error);
          this.onerror?.(error);
          void this.close();
        },
      });
      link.listener = {
        poolEnded: (error) => this.#endAnswers(error),
        streamEnded: (init, error) => this.#stream.hasEnded(init, error),
        streamAsked: (answer, init) => this.#stream.asked(answer, init),
        isGivenUp: (init) => this.#answers.isGivenUp(init),
      };
    }

    #endAnswers(error: Error): void {
      for (const answer of this.#answers.end(error, true)) this.onmessage?.(answer);
    }

    override async send(message: RpcMessage): Promise<void> {
      const call = cancelledCall(message);
      if (call !== undefined) {
        await sendCancellation(this.#parts, call, message, () => super.send(message));
        return;
      }
      // Its answer comes by another request's: the limit of one request is not that of the call.
      const ms = this.#link.totalMs;
      const expired = (): void => {
        const error = callTimedOut(this.#server, ms);
        for (const answer of this.#answers.endMessage(message, error)) this.onmessage?.(answer);
      };
      const limit = { ms, since: performance.now(), onceBroken: false, expired };
      try {
        await this.#answers.whileSending(message, () => this.#post(message), limit);
      } catch (error) {
        throw this.#explained(error);
      }
    }

    async #post(message: RpcMessage): Promise<void> {
      const { ended, isCut } = this.#stream;
      if (isCut && this.#answers.has(message)) throw this.#stream.lastEnd;
      await super.send(message);
      // The stream that was to bring the answer ended before anybody knew that the server takes it.
      if (ended !== this.#stream.ended && this.#answers.has(message)) throw this.#stream.lastEnd;
    }

    #explained<E>(error: E): E {
      return error instanceof Unauthorized ? withCause(error, this.#link.loginError) : error;
    }

    override async start(): Promise<void> {
      this.#answers.watch(this);
      const report = this.onerror;
      this.onerror = (error) => {
        if (!isAbandoned(error)) report?.(this.#explained(error));
      };
      try {
        await super.start();
        this.#stream.start();
      } catch (error) {
        // Of before the end, which is one more. The event source passes errors on as text only.
        const { lastError } = this.#link;
        await this.close();
        if (error instanceof Unauthorized) throw this.#explained(error);
        throw lastError ?? error;
      }
    }

    override async close(): Promise<void> {
      this.#stream.stop();
      this.#answers.close();
      await super.close();
      await this.#link.close();
    }
  }
  return LinkedSseTransport as never;
}
