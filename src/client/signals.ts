import { withoutListenerLimit } from '../caller-signal.js';

/** Signals of older libraries have no reason. */
export function abortedOf(
  signals: readonly AbortSignal[],
): { readonly reason: unknown } | undefined {
  for (const signal of signals) {
    if (!signal.aborted) continue;
    const { reason } = signal;
    const without = (): Error => new DOMException('This operation was aborted', 'AbortError');
    return { reason: reason === undefined ? without() : reason };
  }
  return undefined;
}

/** A reason, which may be anything, for what takes errors only. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}

/** Calls `listener` when one of them aborts. @throws what the signal of another library throws */
export function listen(signals: readonly AbortSignal[], listener: () => void): void {
  for (const signal of signals) {
    withoutListenerLimit(signal);
    signal.addEventListener('abort', listener);
  }
}

/** Ends {@link listen}. Never throws: it is called where something has ended already. */
export function unlisten(signals: readonly AbortSignal[], listener: () => void): void {
  for (const signal of signals) {
    try {
      signal.removeEventListener('abort', listener);
    } catch {
      // Of another library.
    }
  }
}

/** Has `body` fail with the reason when one of them aborts, until it has ended. */
export function failOnAbort(
  body: { onEnded(listener: () => void): void; fail(reason: unknown): void },
  signals: readonly AbortSignal[],
): void {
  const onAbort = (): void => body.fail(abortedOf(signals)?.reason);
  listen(signals, onAbort);
  body.onEnded(() => unlisten(signals, onAbort));
}

/**
 * Settles as `promise` does, or rejects as soon as one of them aborts: {@link abortedOf} has the reason. None
 * is listened to after that, also where `promise` never settles.
 */
export async function untilOneAborts<T>(
  promise: Promise<T>,
  signals: readonly AbortSignal[],
): Promise<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject();
  });
  listen(signals, abort);
  if (abortedOf(signals) !== undefined) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    unlisten(signals, abort);
  }
}
