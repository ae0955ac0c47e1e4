/** Event streams that a transport asks for without a pause. */
const AT_ONCE = 10;
/** Then one in so many milliseconds. */
const EVERY_MS = 1_000;

/**
 * A floor under the time between two requests for an event stream: a server that ends its stream and says
 * `retry: 0` is asked for it again at once by the SDKs, hundreds of times a second for as long as the session
 * lives. {@link AT_ONCE} are free, and one more for each {@link EVERY_MS}.
 */
export class StreamPacing {
  /** How many were asked for, less those that the time since has made free. */
  #asked = 0;
  #at = 0;

  /** Counts a request that comes `now`. @returns how many milliseconds it has to wait */
  next(now: number): number {
    this.#asked = Math.max(0, this.#asked - (now - this.#at) / EVERY_MS) + 1;
    this.#at = now;
    return Math.max(0, Math.ceil((this.#asked - AT_ONCE) * EVERY_MS));
  }
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
