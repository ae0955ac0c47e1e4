import { adapterItself, type KeyvAdapter, type KeyvLike } from './keyv-like.js';

/** Errors that the emitters of a Keyv have reported by events. */
export interface ErrorEvents {
  /** How many so far. */
  readonly count: number;
  readonly last: unknown;
  stop(): void;
}

/** Of one emitter, for all stores over it. */
interface Watched {
  count: number;
  last: unknown;
  users: number;
  readonly listener: (error: unknown) => void;
}

/** One listener each: ten stores over one adapter are no leak, of which Node.js would warn. */
const watched = new WeakMap<KeyvAdapter, Watched>();

/**
 * Keeps an 'error' event without a listener from ending the process, as Keyv 6 has it when Redis
 * goes away, and notices the errors of operations that do not reject.
 */
export function watchErrors(keyv: KeyvLike, adapter: KeyvAdapter): ErrorEvents {
  const emitters = [...new Set([keyv as KeyvAdapter, adapterItself(adapter)])].filter(
    ({ on }) => typeof on === 'function',
  );
  const all = emitters.map(watch);
  let isStopped = false;
  return {
    get count() {
      return all.reduce((sum, { count }) => sum + count, 0);
    },
    get last() {
      return all.findLast(({ last }) => last !== undefined)?.last;
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      for (const emitter of emitters) unwatch(emitter);
    },
  };
}

function watch(emitter: KeyvAdapter): Watched {
  const before = watched.get(emitter);
  if (before !== undefined) {
    before.users++;
    // The host application may have taken all listeners away, this one among them.
    const isThere = emitter.listeners?.('error').includes(before.listener) ?? true;
    if (!isThere) emitter.on?.('error', before.listener);
    return before;
  }
  const one: Watched = {
    count: 0,
    last: undefined,
    users: 1,
    listener(error) {
      one.count++;
      one.last = error instanceof Error ? error : new Error(String(error));
    },
  };
  watched.set(emitter, one);
  emitter.on?.('error', one.listener);
  return one;
}

function unwatch(emitter: KeyvAdapter): void {
  const one = watched.get(emitter);
  if (one === undefined || --one.users > 0) return;
  watched.delete(emitter);
  emitter.off?.('error', one.listener);
}
