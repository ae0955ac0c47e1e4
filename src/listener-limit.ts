import { setMaxListeners } from 'node:events';

/**
 * For signals of callers: one may be given to any number of calls, and each listens to it until it has ended. Node.js 20
 * calls more than ten listeners a leak, and prints a warning.
 */
export function withoutListenerLimit(signal: AbortSignal): void {
  // Not 0, which means the same: where it was set, getMaxListeners of Node 20 throws, and so would
  // undici.fetch with the same signal.
  if (signal instanceof EventTarget) setMaxListeners(Number.POSITIVE_INFINITY, signal);
}
