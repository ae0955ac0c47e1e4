/**
 * What processes that share a store announce to each other. `'reset'`: messages may have been missed, and come
 * in from now on. `'lost'`: messages do not come in any more, until the next `'reset'`.
 */
export type InvalidationEvent =
  | { readonly type: 'changed'; readonly id: string }
  | { readonly type: 'reset' }
  | { readonly type: 'lost' };

/**
 * A channel between processes. It may lose messages: the cache's time to live is the upper bound. It
 * carries ids only, and whoever can write to it can make caches empty, not fill them.
 */
export interface Invalidation {
  /**
   * Begins to listen, and resolves when messages come in. `listener` is called with `'reset'` whenever
   * messages may have been missed.
   */
  subscribe(namespace: string, listener: (event: InvalidationEvent) => void): Promise<void>;
  /** Announces a change to other processes. What it rejects with is reported, and undoes no write. */
  publish(namespace: string, id: string): Promise<void>;
  /** Ends the subscription. */
  close(): Promise<void>;
}
