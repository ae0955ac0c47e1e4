import { Bag } from '../bag.js';
import { type CallId, callsAloneIn } from './rpc-messages.js';

/** How a server took the request of a message: its answer is an event stream, or it has none (202). */
export type MessageTaken = 'as a stream' | 'without an answer';

/** Why a request ended whose call was given up. Nobody is left to report it to. */
export const ABANDONED: Error = Object.assign(new Error('the call was given up'), {
  name: 'AbortError',
});

/** What both SDKs make of it where the stream of the call was being taken up again. */
const NOT_RECONNECTED = `Failed to reconnect SSE stream: ${ABANDONED.message}`;

/** Whether an error says no more than that: the SDK puts some into words. */
export function isAbandoned(error: unknown): boolean {
  if (error === ABANDONED) return true;
  if (!(error instanceof Error)) return false;
  return error.message.endsWith(String(ABANDONED)) || error.message === NOT_RECONNECTED;
}

interface UnderWay {
  readonly body: string | undefined;
  /** The calls that it is made for, that nobody has given up; `undefined`: its body was not looked at. */
  calls: Set<CallId> | undefined;
  /** Of the session. */
  readonly session: AbortSignal | undefined;
  readonly own: AbortController;
}

/** A request that can be ended by itself, and what is to be called when it has ended. */
export interface Begun {
  readonly init: RequestInit;
  readonly done: () => void;
}

/**
 * The requests of a transport that carry messages, from before they are sent until their answers have
 * ended. The SDK gives all of them the one signal of its session; each has one of its own here, which
 * follows that one.
 *
 * Costs little as long as nothing is given up: what a body says is read only then, and once.
 */
export class RequestsUnderWay {
  readonly #all = new Bag<UnderWay>();
  readonly #followed = new WeakSet<AbortSignal>();

  /** @param calls for a request that says nothing of them itself */
  begin(init: RequestInit | undefined, calls?: Iterable<CallId>): Begun | undefined {
    const session = init?.signal ?? undefined;
    const body = typeof init?.body === 'string' ? init.body : undefined;
    if (session?.aborted || (body === undefined && calls === undefined)) return undefined;
    if (session !== undefined) this.#follow(session);
    const known = calls === undefined ? undefined : new Set(calls);
    const one: UnderWay = { body, calls: known, session, own: new AbortController() };
    const place = this.#all.add(one);
    return {
      init: { ...init, signal: one.own.signal },
      done: () => this.#all.delete(place),
    };
  }

  /** Nobody waits for this call any more: ends the requests that are made for nothing else. */
  abandon(call: CallId): void {
    for (const one of this.#all.items) {
      one.calls ??= callsAloneIn(one.body);
      if (one.calls.delete(call) && one.calls.size === 0) one.own.abort(ABANDONED);
    }
  }

  /** Ends the requests with this body. */
  end(body: string, reason: Error): void {
    for (const one of this.#all.items) if (one.body === body) one.own.abort(reason);
  }

  #follow(session: AbortSignal): void {
    if (this.#followed.has(session)) return;
    this.#followed.add(session);
    const onAbort = (): void => {
      for (const one of this.#all.items) if (one.session === session) one.own.abort(session.reason);
    };
    session.addEventListener('abort', onAbort, { once: true });
  }
}
