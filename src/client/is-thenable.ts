/** Whether a function of the caller's gave a promise, of this realm or another, and not yet its answer. */
export function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
