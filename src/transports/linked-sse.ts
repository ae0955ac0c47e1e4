import { McpTlsError } from '../errors.js';
import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { callTimedOut, endedEarly } from './ended-early.js';
import type { ServerLink } from './link.js';
import { withSafeProvider } from './login-provider.js';
import { withCause } from './login-refusal.js';
import { OpenAnswers } from './open-answers.js';
import type { RpcMessage } from './rpc-messages.js';
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

/** A minute or so, as long as the server does not say when to come back. */
const MAX_RECONNECTIONS = 20;

/** What the event source of the SDKs reads: it takes no other status, and no other case of the type. */
function isReadAsStream({ status, headers }: Response): boolean {
  return status === 200 && headers.get('content-type')?.startsWith('text/event-stream') === true;
}

function described({ status }: Response): string {
  return status === 200 ? 'HTTP 200, and no text/event-stream' : `HTTP ${status}`;
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
    readonly #authorizes: boolean;
    #started = false;
    /** Streams that have ended so far, and why the last one did. */
    #ended = 0;
    #lastEnd: Error | undefined;
    /** The request whose answer is the stream, while there is one. */
    #stream: RequestInit | undefined;
    /** In a row. */
    #failures = 0;

    constructor(url: URL, options: Options, link: ServerLink) {
      const safe = withSafeProvider(options, link);
      super(url, { ...safe, fetch: link.fetch });
      this.#link = link;
      this.#server = url;
      this.#parts = { server: url, link, answers: this.#answers };
      this.#authorizes = options.authProvider !== undefined;
      link.listener = {
        poolEnded: (error) => this.#endAnswers(error),
        // All answers come over the one stream, and a new one is of another session.
        streamEnded: (init, error) => {
          if (init?.method === 'POST') return;
          this.#ended++;
          this.#lastEnd = error ?? endedEarly(this.#server);
          if (init === this.#stream) this.#stream = undefined;
          this.#endAnswers(this.#lastEnd);
        },
        streamAsked: (answer, init) => this.#onStreamAsked(answer, init),
      };
    }

    #endAnswers(error: Error): void {
      for (const answer of this.#answers.end(error, true)) this.onmessage?.(answer);
    }

    /** Once started, whatever is asked for is the stream again; before, `start()` reports it. */
    #onStreamAsked(answer: Response | Error, init: RequestInit | undefined): void {
      const isGiven = !(answer instanceof Error) && isReadAsStream(answer);
      if (isGiven) this.#stream = init;
      if (!this.#started) return;
      if (answer instanceof Error) {
        const passes = answer instanceof McpTlsError && answer.retryable;
        if (passes && ++this.#failures < MAX_RECONNECTIONS) return;
        this.#giveUp(answer);
      } else if (isGiven) this.#failures = 0;
      else if (answer.status !== 401 || !this.#authorizes) {
        this.#giveUp(new Error(`the event stream was not given again: ${described(answer)}`));
      }
    }

    #giveUp(error: Error): void {
      this.#started = false;
      // After the SDK has reported what it makes of it.
      setImmediate(() => {
        this.#endAnswers(error);
        this.onerror?.(error);
        void this.close();
      });
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
      const ended = this.#ended;
      // Until there is a stream again, no answer can come: the next one is of another session.
      const isCut = this.#started && this.#stream === undefined && this.#lastEnd !== undefined;
      if (isCut && this.#answers.has(message)) throw this.#lastEnd;
      await super.send(message);
      // The stream that was to bring the answer ended before anybody knew that the server takes it.
      if (ended !== this.#ended && this.#answers.has(message)) throw this.#lastEnd;
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
        this.#started = true;
      } catch (error) {
        // Of before the end, which is one more. The event source passes errors on as text only.
        const { lastError } = this.#link;
        await this.close();
        if (error instanceof Unauthorized) throw this.#explained(error);
        throw lastError ?? error;
      }
    }

    override async close(): Promise<void> {
      this.#started = false;
      this.#answers.close();
      await super.close();
      await this.#link.close();
    }
  }
  return LinkedSseTransport as never;
}
