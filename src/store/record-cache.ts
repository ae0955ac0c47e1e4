import { LRUCache } from 'lru-cache';
import { isStoreError } from './is-store-error.js';

/** Options of the cache in this process. */
export interface CacheOptions {
  /**
   * How long a record is given out without asking the backend. Default 30,000; 0 switches the cache
   * off. Without invalidation, it takes other processes so long to notice a change.
   */
  readonly ttlMs?: number;
  /** The same for "there is no such record". Default 5,000, and never more than `ttlMs`. */
  readonly negativeTtlMs?: number;
  /** How many records are held. Default 1,000. */
  readonly max?: number;
  /**
   * For how much longer than `ttlMs` a record is given out **while the backend cannot be reached**.
   * Default 0: not at all. A revocation by another process is not noticed for so long either.
   */
  readonly staleIfErrorMs?: number;
}

export interface CacheStats {
  hits: number;
  negativeHits: number;
  /** Readings that had to ask the backend; many waiting for one count as one. */
  loads: number;
  /** Given out after `ttlMs`, the backend being out of reach. */
  staleServed: number;
}

/** What was loaded; `undefined`: there is no such record. */
export interface RecordCache<T> {
  get(id: string): Promise<T | undefined>;
  drop(id: string): void;
  clear(): void;
  readonly size: number;
  readonly stats: Readonly<CacheStats>;
}

interface Held<T> {
  readonly value: T | undefined;
  readonly freshUntil: number;
}

interface Load<T> {
  readonly result: Promise<T | undefined>;
  outdated: boolean;
}

/**
 * A bounded cache in front of `load`, by the monotonic clock. Any number of callers that miss at once
 * make one load. (lru-cache has a `fetch` for that, whose waiters a `set` or `delete` rejects.)
 *
 * A record that is dropped while it is being loaded is loaded again: what was read before a
 * revocation is not given out after it.
 */
export function makeRecordCache<T extends object>(
  options: Required<CacheOptions>,
  load: (id: string) => Promise<T | undefined>,
): RecordCache<T> {
  const held = new LRUCache<string, Held<T>>({ max: options.max });
  const loads = new Map<string, Load<T>>();
  const stats: CacheStats = { hits: 0, negativeHits: 0, loads: 0, staleServed: 0 };

  async function get(id: string): Promise<T | undefined> {
    const found = held.get(id);
    if (found !== undefined && performance.now() < found.freshUntil) {
      if (found.value === undefined) stats.negativeHits++;
      else stats.hits++;
      return found.value;
    }
    const running = loads.get(id);
    return (running ?? start(id)).result;
  }

  function start(id: string): Load<T> {
    // The load looks at its own entry, and must not begin before that is there.
    const begun = Promise.resolve().then(() => run(id, entry));
    const entry: Load<T> = { result: begun, outdated: false };
    loads.set(id, entry);
    begun.catch(() => {}).finally(() => loads.get(id) === entry && loads.delete(id));
    return entry;
  }

  async function run(id: string, entry: Load<T>): Promise<T | undefined> {
    try {
      for (let again = 0; ; again++) {
        entry.outdated = false;
        stats.loads++;
        const value = await load(id);
        // Not for ever: against a record that changes all the time, the newest reading is an answer.
        if (entry.outdated && again < 16) continue;
        if (!entry.outdated) hold(id, value);
        return value;
      }
    } catch (error) {
      const stale = held.get(id);
      if (stale !== undefined && isOutOfReach(error) && withinLimit(stale)) {
        stats.staleServed++;
        return stale.value;
      }
      throw error;
    }
  }

  function hold(id: string, value: T | undefined): void {
    const ttl = value === undefined ? options.negativeTtlMs : options.ttlMs;
    if (ttl > 0) held.set(id, { value, freshUntil: performance.now() + ttl });
  }

  /** Never an absence: that nothing was there is no help when nothing can be asked. */
  function withinLimit({ value, freshUntil }: Held<T>): boolean {
    return value !== undefined && performance.now() < freshUntil + options.staleIfErrorMs;
  }

  return {
    get,
    drop(id) {
      held.delete(id);
      const running = loads.get(id);
      if (running !== undefined) running.outdated = true;
    },
    clear() {
      held.clear();
      for (const running of loads.values()) running.outdated = true;
    },
    get size() {
      return held.size;
    },
    stats,
  };
}

/** Only where the backend cannot be asked. What it answered wrongly is not hidden by an old answer. */
function isOutOfReach(error: unknown): boolean {
  return (
    isStoreError(error) &&
    (error.code === 'MCP_TLS_STORE_UNAVAILABLE' || error.code === 'MCP_TLS_STORE_TIMEOUT')
  );
}
