import { setMaxListeners } from 'node:events';

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

/**
 * Every exchange of a transport listens to the one signal of its session. Node 20 calls more than ten
 * listeners a leak, and prints a warning; ours leave with their exchange.
 */
export function listenWithoutLimit(signal: AbortSignal): void {
  // Not 0, which means the same: where it was set, getMaxListeners of Node 20 throws, and so would
  // undici.fetch with the same signal.
  if (signal instanceof EventTarget) setMaxListeners(Number.POSITIVE_INFINITY, signal);
}
