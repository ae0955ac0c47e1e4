import type { CallId } from './rpc-messages.js';

/** Event streams that a transport asks for without a pause. */
const AT_ONCE = 10;
/** Then one in so many milliseconds. */
const EVERY_MS = 1_000;

/**
 * A floor under the time between two requests for the same event stream: a server that ends its stream and says
 * `retry: 0` is asked for it again at once by the SDKs, hundreds of times a second for as long as the session
 * lives. {@link AT_ONCE} are free, and one more for each {@link EVERY_MS}.
 *
 * Each call has a stream of its own, and whatever is no call's counts as one more. So a server that has many
 * calls polled at the same time holds none of them up.
 */
export class StreamPacing {
  /** Streams that were asked for lately. */
  readonly #streams = new Map<CallId | undefined, Asked>();

  /**
   * Counts a request that comes `now`.
   *
   * @param call whose stream it is, if it is a call's
   * @returns how many milliseconds it has to wait
   */
  next(now: number, call?: CallId): number {
    for (const [key, one] of this.#streams) if (leftOf(one, now) === 0) this.#streams.delete(key);
    const one = this.#streams.get(call);
    const times = (one === undefined ? 0 : leftOf(one, now)) + 1;
    this.#streams.set(call, { times, at: now });
    return Math.max(0, Math.ceil((times - AT_ONCE) * EVERY_MS));
  }
}

interface Asked {
  /** How many times, less those that the time before `at` has made free. */
  readonly times: number;
  readonly at: number;
}

function leftOf({ times, at }: Asked, now: number): number {
  return Math.max(0, times - (now - at) / EVERY_MS);
}

/** Waits. @throws the signal's reason, as soon as it is aborted */
export async function pause(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
