import { type CallId, callsAloneIn } from './rpc-messages.js';

/** Streams that were given up, and that the SDK has not asked for again. It keeps a timer for each. */
const MAX_UNWANTED = 1_000;

/** Streams whose call was given up. The SDK does not know that, and asks for each again, once. */
export class UnwantedStreams {
  /** Their last events. */
  readonly #after = new Set<string>();
  /** How many of them the SDK will ask for without naming an event. */
  #withoutEvent = 0;

  /**
   * @param resumesAfter after which event it can be taken up again, if it can
   * @param resumedAfter after which event it was taken up again last
   */
  add(resumesAfter: string | undefined, resumedAfter: string | undefined): void {
    if (resumesAfter === undefined) return;
    // Of a stream that has brought no event of its own, the SDK forgets after which it was asked for.
    if (resumesAfter === resumedAfter) this.#withoutEvent++;
    else this.#after.add(resumesAfter);
    if (this.#after.size <= MAX_UNWANTED) return;
    const [oldest] = this.#after;
    this.#after.delete(oldest as string);
  }

  /** Whether a stream that is asked for after this event is one of them, which it is no more then. */
  take(eventId: string | undefined): boolean {
    if (eventId !== undefined) return this.#after.delete(eventId);
    if (this.#withoutEvent === 0) return false;
    this.#withoutEvent--;
    return true;
  }
}

/**
 * Calls that were given up while they were sent. The SDK awaits its headers and its token before it makes the request:
 * there was none yet that could be ended.
 */
export class GivenUpCalls {
  readonly #ids = new Set<CallId>();

  add(id: CallId): void {
    this.#ids.add(id);
  }

  has(id: CallId): boolean {
    return this.#ids.has(id);
  }

  /** Whoever sent it is through with it. */
  delete(id: CallId): void {
    this.#ids.delete(id);
  }

  /** Whether a request is made for them, and for nothing else. */
  areAllIn(init: RequestInit | undefined): boolean {
    if (this.#ids.size === 0 || typeof init?.body !== 'string') return false;
    const ids = [...callsAloneIn(init.body)];
    return ids.length > 0 && ids.every((id) => this.#ids.has(id));
  }
}
