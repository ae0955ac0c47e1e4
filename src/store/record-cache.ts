import { LRUCache } from 'lru-cache';
import { StoreError } from '../errors.js';

/** Options of the cache in this process. */
export interface CacheOptions {
  /**
   * How long a record is given out without asking the backend. Default 30,000; 0 switches the cache
   * off. Without invalidation, it takes other processes so long to notice a change.
   */
  ttlMs?: number | undefined;
  /** The same for "there is no such record". Default 5,000, and never more than `ttlMs`. */
  negativeTtlMs?: number | undefined;
  /** How many records are held. Default 1,000. */
  max?: number | undefined;
  /**
   * For how much longer than `ttlMs` a record is given out **while the backend cannot be reached**.
   * Default 0: not at all. A revocation by another process is not noticed for so long either.
   */
  staleIfErrorMs?: number | undefined;
}

/** All of them. */
export type CheckedCacheOptions = { readonly [Name in keyof CacheOptions]-?: number };

/** How often the cache of this process answered, since it was made. */
export interface CacheStats {
  hits: number;
  negativeHits: number;
  /** Readings that had to ask the backend; many waiting for one count as one. */
  loads: number;
  /** Given out after `ttlMs`, the backend being out of reach. */
  staleServed: number;
}

/** What a load found. */
export interface Loaded<T> {
  /** `undefined`: there is no such record. */
  readonly value: T | undefined;
  readonly revision: number;
}

export interface RecordCache<T> {
  get(id: string): Promise<T | undefined>;
  /** What is cached of `id` may be wrong. */
  drop(id: string): void;
  /** A revision was seen somewhere. @returns whether an older one was held, which it is no more */
  learn(id: string, revision: number): boolean;
  clear(): void;
  readonly size: number;
  readonly stats: Readonly<CacheStats>;
}

interface Held<T> extends Loaded<T> {
  readonly freshUntil: number;
}

interface Load<T> {
  readonly result: Promise<T | undefined>;
  /** `undefined`: it is about to begin. */
  begun: number | undefined;
  outdated: boolean;
}

/**
 * A bounded cache in front of `load`, by the monotonic clock. Any number of callers that miss at once
 * make one load. (lru-cache has a `fetch` for that, whose waiters a `set` or `delete` rejects.)
 *
 * Nobody is given what was read longer than `ttlMs` before it asked, so a load that is under way is
 * joined only while it is younger than that, and with `ttlMs` 0 only before it has begun. A record that
 * is dropped while it is being loaded is loaded again: what was read before a revocation is not given
 * out after it.
 */
export function makeRecordCache<T extends object>(
  options: CheckedCacheOptions,
  load: (id: string) => Promise<Loaded<T>>,
): RecordCache<T> {
  const held = new LRUCache<string, Held<T>>({ max: options.max });
  /** The newest of each id. One that was dropped is nobody's any more, but of those who wait for it. */
  const loads = new Map<string, Load<T>>();
  const joinableMs = Math.min(options.ttlMs, options.negativeTtlMs);
  const stats: CacheStats = { hits: 0, negativeHits: 0, loads: 0, staleServed: 0 };

  async function get(id: string): Promise<T | undefined> {
    for (let again = 0; ; again++) {
      const found = held.get(id);
      if (found !== undefined && performance.now() < found.freshUntil) {
        if (found.value === undefined) stats.negativeHits++;
        else stats.hits++;
        return found.value;
      }
      const running = loads.get(id);
      const mine = running !== undefined && isJoinable(running) ? running : start(id);
      const value = await mine.result;
      // Not for ever: against a record that changes all the time, what was read since is an answer.
      if (!mine.outdated || again === MAX_AGAIN) return value;
    }
  }

  function isJoinable({ begun }: Load<T>): boolean {
    return begun === undefined || performance.now() < begun + joinableMs;
  }

  function start(id: string): Load<T> {
    // The load looks at its own entry, and must not begin before that is there.
    const begun = Promise.resolve().then(() => run(id, entry));
    const entry: Load<T> = { result: begun, begun: undefined, outdated: false };
    loads.set(id, entry);
    begun.catch(() => {}).finally(() => loads.get(id) === entry && loads.delete(id));
    return entry;
  }

  async function run(id: string, entry: Load<T>): Promise<T | undefined> {
    const begun = performance.now();
    entry.begun = begun;
    stats.loads++;
    try {
      const loaded = await load(id);
      if (!entry.outdated) hold(id, loaded, begun);
      return loaded.value;
    } catch (error) {
      const stale = held.get(id);
      if (stale !== undefined && isOutOfReach(error) && withinLimit(stale)) {
        stats.staleServed++;
        return stale.value;
      }
      throw error;
    }
  }

  /** From the moment on at which it was asked for: when it was read is not known better. */
  function hold(id: string, loaded: Loaded<T>, begun: number): void {
    const freshUntil = begun + (loaded.value === undefined ? options.negativeTtlMs : options.ttlMs);
    if (performance.now() < freshUntil) held.set(id, { ...loaded, freshUntil });
  }

  /** Never an absence: that nothing was there is no help when nothing can be asked. */
  function withinLimit({ value, freshUntil }: Held<T>): boolean {
    return value !== undefined && performance.now() < freshUntil + options.staleIfErrorMs;
  }

  function outdate(id: string): void {
    const running = loads.get(id);
    if (running !== undefined) running.outdated = true;
    loads.delete(id);
  }

  return {
    get,
    drop(id) {
      held.delete(id);
      outdate(id);
    },
    learn(id, revision) {
      const older = (held.get(id)?.revision ?? revision) < revision;
      if (older) held.delete(id);
      return older;
    },
    clear() {
      held.clear();
      for (const id of [...loads.keys()]) outdate(id);
    },
    get size() {
      return held.size;
    },
    stats,
  };
}

/** Readings of a record that was dropped while it was read. */
const MAX_AGAIN = 15;

/** Only where the backend cannot be asked. What it answered wrongly is not hidden by an old answer. */
function isOutOfReach(error: unknown): boolean {
  return (
    error instanceof StoreError &&
    (error.code === 'MCP_TLS_STORE_UNAVAILABLE' || error.code === 'MCP_TLS_STORE_TIMEOUT')
  );
}
