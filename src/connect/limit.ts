/** Bounds of an attempt to connect. */
export interface Limit {
  /** 0: none. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with the signal's reason as soon as it aborts; otherwise settles as `promise` does. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    promise.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
  });
}

/**
 * Runs `task` in the time that `limit` gives it. When that is over, the returned promise rejects at
 * once, whatever the task waits for, and the signal that the task was given aborts, upon which it has to
 * clean up. What it comes back with too late goes to `dispose`.
 *
 * @throws what `task` throws, the signal's reason, or an error with the code `ETIMEDOUT`
 */
export async function within<T>(
  { timeoutMs, signal }: Limit,
  task: (signal: AbortSignal) => Promise<T>,
  dispose: (late: T) => void = () => {},
): Promise<T> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;

  function onTimeout(): void {
    const error = new Error(`no verified connection within ${timeoutMs} ms`);
    ending.abort(Object.assign(error, { code: 'ETIMEDOUT' }));
  }

  const running = task(ending.signal);
  try {
    return await untilAborted(running, ending.signal);
  } catch (error) {
    running.then(dispose, () => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
