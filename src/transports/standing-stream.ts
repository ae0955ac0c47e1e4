import { McpTlsError } from '../errors.js';
import { endedEarly } from './ended-early.js';

/** A minute or so, as long as the server does not say when to come back. */
const MAX_RECONNECTIONS = 20;

/** What the event source of the SDKs reads: it takes no other status, and no other case of the type. */
function isReadAsStream({ status, headers }: Response): boolean {
  return status === 200 && headers.get('content-type')?.startsWith('text/event-stream') === true;
}

function described({ status }: Response): string {
  return status === 200 ? 'HTTP 200, and no text/event-stream' : `HTTP ${status}`;
}

export interface StandingStreamOptions {
  readonly server: URL;
  /** Whether a refusal for want of a login is answered by one. */
  readonly authorizes: boolean;
  /** The stream has ended, and with it the answers that were to come over it. */
  readonly onEnd: (error: Error) => void;
  /** It is not given again. */
  readonly onGivenUp: (error: Error) => void;
}

/** The one stream of an SSE transport, over which all answers come. A new one is of another session. */
export class StandingStream {
  readonly #options: StandingStreamOptions;
  #started = false;
  /** Streams that have ended so far, and why the last one did. */
  #ended = 0;
  #lastEnd: Error | undefined;
  /** The request whose answer is the stream, while there is one. */
  #request: RequestInit | undefined;
  /** In a row. */
  #failures = 0;

  constructor(options: StandingStreamOptions) {
    this.#options = options;
  }

  /** From then on, whatever is asked for is the stream again. */
  start(): void {
    this.#started = true;
  }

  stop(): void {
    this.#started = false;
  }

  /** How many have ended. */
  get ended(): number {
    return this.#ended;
  }

  /** Why the last one ended. */
  get lastEnd(): Error | undefined {
    return this.#lastEnd;
  }

  /** Whether there is none now, and was one: until there is one again, no answer can come. */
  get isCut(): boolean {
    return this.#started && this.#request === undefined && this.#lastEnd !== undefined;
  }

  /** How a request for it was answered. Before it is started, `start()` of the SDK reports that. */
  asked(answer: Response | Error, init: RequestInit | undefined): void {
    const isGiven = !(answer instanceof Error) && isReadAsStream(answer);
    if (isGiven) this.#request = init;
    if (!this.#started) return;
    if (answer instanceof Error) {
      const passes = answer instanceof McpTlsError && answer.retryable;
      if (passes && ++this.#failures < MAX_RECONNECTIONS) return;
      this.#giveUp(answer);
    } else if (isGiven) this.#failures = 0;
    else if (answer.status !== 401 || !this.#options.authorizes) {
      this.#giveUp(new Error(`the event stream was not given again: ${described(answer)}`));
    }
  }

  /** What answered this request has ended: with our error, or of itself. */
  hasEnded(init: RequestInit | undefined, error: Error | undefined): void {
    if (init?.method === 'POST') return;
    this.#ended++;
    this.#lastEnd = error ?? endedEarly(this.#options.server);
    if (init === this.#request) this.#request = undefined;
    this.#options.onEnd(this.#lastEnd);
  }

  #giveUp(error: Error): void {
    this.#started = false;
    // After the SDK has reported what it makes of it.
    setImmediate(() => this.#options.onGivenUp(error));
  }
}
