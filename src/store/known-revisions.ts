import { LRUCache } from 'lru-cache';

/** What this process has last seen of a record. */
export interface KnownRevision {
  readonly revision: number;
  readonly live: boolean;
  /** Of the row that it was read from, where the backend can be asked for digests. */
  readonly digest?: string | undefined;
}

/**
 * The memory against which a backend is judged: encryption shows that a record is one of ours, not
 * that it is the newest. What was seen once may not be seen older again, nor be gone without a trace.
 *
 * Bounded (about 200 bytes each); a process that starts knows nothing yet.
 */
export interface KnownRevisions {
  get(id: string): KnownRevision | undefined;
  /** Only ever forward: readings may arrive in another order than they were made. @returns what was known before */
  learn(id: string, seen: KnownRevision): KnownRevision | undefined;
  /** Those that were live when last seen. */
  live(): readonly string[];
}

export function makeKnownRevisions(max = 100_000): KnownRevisions {
  const known = new LRUCache<string, KnownRevision>({ max });
  return {
    get: (id) => known.get(id),
    learn(id, seen) {
      const before = known.peek(id);
      if ((before?.revision ?? 0) <= seen.revision) known.set(id, seen);
      return before;
    },
    live: () => [...known.entries()].filter(([, { live }]) => live).map(([id]) => id),
  };
}
