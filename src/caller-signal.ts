import { setMaxListeners } from 'node:events';

/** Whether it has all that is asked of a signal. Those of older libraries have not. */
export function isSignal(value: unknown): value is AbortSignal {
  try {
    const signal = Object(value) as Partial<AbortSignal>;
    const { addEventListener, removeEventListener, throwIfAborted } = signal;
    const methods = [addEventListener, removeEventListener, throwIfAborted];
    return typeof signal.aborted === 'boolean' && methods.every((one) => typeof one === 'function');
  } catch {
    // One that is no AbortSignal inside, or of a Proxy that was revoked.
    return false;
  }
}

/**
 * For signals of callers: one may be given to any number of calls, and each listens to it until it has ended. Node.js 20
 * calls more than ten listeners a leak, and prints a warning.
 */
export function withoutListenerLimit(signal: AbortSignal): void {
  // Not 0, which means the same: where it was set, getMaxListeners of Node 20 throws, and so would
  // undici.fetch with the same signal.
  try {
    if (signal instanceof EventTarget) setMaxListeners(Number.POSITIVE_INFINITY, signal);
  } catch {
    // A frozen one keeps its limit.
  }
}
