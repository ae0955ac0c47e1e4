import { setMaxListeners } from 'node:events';
import { explainTlsError } from '../../explain-tls-error.js';
import type { CertificateStore } from '../../store/certificate-store.js';
import { isVerdict, type ObserveParts, observeRecord, observeServer } from './observe-server.js';
import { ownNotes } from './own-notes.js';
import { isSameRecord, type ServerState, type Transition } from './server-state.js';
import { type Found, makeSharedStates, type SharedStates, shardOf } from './shared-states.js';
import { Slots } from './slots.js';

export interface ScanParts extends ObserveParts {
  readonly store: CertificateStore;
  /** Limit of a connection attempt; 0: none. */
  readonly connectMs: number;
}

/** Servers that are connected to at one time, of whatever shards: one that stalls holds up no shard. */
const AT_ONCE = 64;

/** Records that are read at one time. */
const RECORDS_AT_ONCE = 4;

/** For looking at one server, where connections have no limit of their own. */
const LIMIT_MS = 10_000;

/** How often what was found is published while its shard is still being looked at. */
const PUBLISH_MS = 1000;

export interface ScanListener {
  readonly report: (transition: Transition) => void;
  readonly fail: (error: unknown) => void;
  readonly shortest: (field: 'intervalMs' | 'pollMs') => number;
}

/** What goes on while somebody watches. */
export interface Scanning {
  readonly states: SharedStates;
  changed(id: string | undefined): void;
  requestFailed(id: string, error: unknown): void;
  /** Looks at once. */
  hurry(): void;
  stop(): Promise<void>;
}

/**
 * Connects to every server once an interval, all processes of a store together, and follows what
 * changes in between.
 */
export function startScanning(
  parts: ScanParts,
  { report, fail, shortest }: ScanListener,
): Scanning {
  const stopping = new AbortController();
  const { signal } = stopping;
  // One for each connection that is being made.
  setMaxListeners(0, signal);
  const states = makeSharedStates(parts.store.notes ?? ownNotes(), (transition) => {
    if (!signal.aborted) report(transition);
  });
  const limitMs = parts.connectMs || LIMIT_MS;
  const slots = new Slots(AT_ONCE);
  const jobs = new Set<Promise<void>>();
  /** Refusals that are being reported: a hundred requests may fail at once. */
  const telling = new Set<string>();
  /** The revisions of the records when all of them were last compared with the states; `undefined`: not yet. */
  let compared: ReadonlyMap<string, number> | undefined;
  let comparing: Promise<void> = Promise.resolve();
  let listing: Promise<unknown> = Promise.resolve();
  let listedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const unsubscribe = parts.store.onChange?.(changed) ?? (() => {});
  turn();

  /** Whatever runs is waited for by `stop`, and its failure reported. */
  function run(job: () => Promise<void>): void {
    if (signal.aborted) return;
    const running = job().catch((error) => {
      if (!signal.aborted) fail(error);
    });
    jobs.add(running);
    void running.then(() => jobs.delete(running));
  }

  function turn(): void {
    clearTimeout(timer);
    timer = undefined;
    run(async () => {
      try {
        await look();
      } finally {
        // To watch is no reason for a process to stay.
        if (!signal.aborted) timer ??= setTimeout(turn, shortest('pollMs')).unref();
      }
    });
  }

  async function look(): Promise<void> {
    const intervalMs = shortest('intervalMs');
    await states.pull();
    const now = performance.now();
    if (now - listedAt < intervalMs && !states.isDue(intervalMs)) return;
    listedAt = now;
    const listed = await listRevisions().catch((error) => {
      // One damaged record makes a list incomplete. Those that are known are looked at all the same.
      fail(error);
      return undefined;
    });
    // Others may have found what is known when nobody watched what came after it.
    if (listed !== undefined && compared === undefined) await compare(listed).catch(fail);
    const shards = new Map<number, Set<string>>();
    for (const id of [...(listed?.keys() ?? []), ...states.all.keys()]) {
      const ids = shards.get(shardOf(id));
      if (ids === undefined) shards.set(shardOf(id), new Set([id]));
      else ids.add(id);
    }
    const scans: Promise<void>[] = [];
    try {
      for (const [shard, ids] of shards) {
        // A shard is claimed when all before it are under way: no longer than it is looked at.
        await slots.turn();
        if (signal.aborted) break;
        const claimMs = 30_000 + (1 + Math.ceil(ids.size / AT_ONCE)) * 3 * limitMs;
        if (!(await states.claim(shard, intervalMs, claimMs))) continue;
        const scanning = scan(shard, [...ids]);
        // Waited for below: one that fails before the last has begun is no unhandled rejection.
        scanning.catch(() => {});
        scans.push(scanning);
      }
    } finally {
      await allOf(scans);
    }
  }

  async function scan(shard: number, ids: readonly string[]): Promise<void> {
    const found = new Map<string, Found>();
    let whole = false;
    let published = 0;
    // What a server that stalls shares its shard with is not to wait for it.
    const timer = setInterval(() => {
      if (found.size === published) return;
      published = found.size;
      run(() => states.publish(shard, new Map(found), 'going on'));
    }, PUBLISH_MS).unref();
    try {
      const observe = async (id: string): Promise<void> => {
        const before = states.known(id);
        if (signal.aborted) return;
        const state = await observeServer(parts, id, before, limited());
        // What was broken off says nothing.
        if (!signal.aborted) found.set(id, { before, state });
      };
      await allOf(ids.map((id) => slots.run(() => observe(id))));
      whole = !signal.aborted;
    } finally {
      clearInterval(timer);
      await states.publish(shard, found, whole ? 'whole' : 'broken off');
    }
  }

  /** A server that stalls is as good as one that is not there. */
  function limited(): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  }

  function changed(id: string | undefined): void {
    if (id !== undefined) {
      run(() => recordChanged(id, true));
      return;
    }
    // Any may have; those that did not are left as they were found.
    run(async () => {
      await states.pull();
      // Of a watch that has just begun nothing is known that could have changed.
      if (states.all.size === 0) return;
      await compare(await listRevisions().catch(() => undefined));
    });
    listedAt = Number.NEGATIVE_INFINITY;
  }

  /** One after the other: what the first has read, the second need not read again. */
  function listRevisions(): Promise<ReadonlyMap<string, number>> {
    const list = listing.then(async () => {
      const entries = await parts.store.list();
      return new Map(entries.map(({ id, revision }) => [id, revision]));
    });
    listing = list.catch(() => {});
    return list;
  }

  /** Reads those whose revision is another one since; all of them at first, or where the list is not whole. */
  function compare(listed: ReadonlyMap<string, number> | undefined): Promise<void> {
    const comparison = comparing.then(async () => {
      const before = compared;
      const isSame = (id: string): boolean => {
        const revision = listed?.get(id);
        return revision !== undefined && revision === before?.get(id);
      };
      const changed = [...states.all.keys()].filter((id) => !isSame(id));
      await eachOf(changed, RECORDS_AT_ONCE, (one) => recordChanged(one, false));
      // If one of them failed, all that have changed are compared again at the next time.
      compared = listed ?? before;
    });
    comparing = comparison.catch(() => {});
    return comparison;
  }

  /** A record that was written was tried before: what was wrong with the server is over. */
  async function recordChanged(id: string, written: boolean): Promise<void> {
    const state = await observeRecord(parts, id, states.known(id));
    // To look at the note would read its whole shard, for each server that is in it.
    if (!written && isSameRecord(states.known(id), state)) return;
    await states.patch(id, (old) => {
      const same = isSameRecord(old, state);
      const settled = !written || old?.refusal?.code === state?.refusal?.code;
      return same && settled ? undefined : state;
    });
  }

  function requestFailed(id: string, error: unknown): void {
    const { code, message } = explainTlsError(error) ?? {};
    if (!isVerdict(code) || message === undefined) return;
    const occurrence = `${code} ${id}`;
    const known = states.known(id);
    // Reported already, or about to be: what a server provokes makes no work each time.
    if (known?.reported?.refusals[code] !== undefined || telling.has(occurrence)) return;
    telling.add(occurrence);
    run(async () => {
      try {
        await tellRefusal(id, { code, message });
      } finally {
        telling.delete(occurrence);
      }
    });
  }

  async function tellRefusal(
    id: string,
    refusal: NonNullable<ServerState['refusal']>,
  ): Promise<void> {
    let mine = false;
    await states.patch(id, (old) => {
      mine = old !== undefined && old.refusal?.code !== refusal.code;
      return mine && old ? { ...old, at: Date.now(), refusal } : undefined;
    });
    // What the server presents is not in the error: whoever reported the refusal goes to see.
    if (!mine && states.known(id) !== undefined) return;
    const state = await observeServer(parts, id, states.known(id), limited());
    if (!signal.aborted) await states.patch(id, () => state);
  }

  return {
    states,
    changed,
    requestFailed,
    hurry: turn,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      unsubscribe();
      await Promise.all(jobs);
    },
  };
}

async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await task(item);
  };
  await allOf(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Waits for all of them, so that nothing goes on after a failure was reported. @throws the first failure */
async function allOf(tasks: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
