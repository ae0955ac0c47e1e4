import { setMaxListeners } from 'node:events';
import { explainTlsError } from '../../explain-tls-error.js';
import { allOf } from './all-of.js';
import { isVerdict, observeServer } from './observe-server.js';
import { ownNotes } from './own-notes.js';
import { RecordChanges, type RecordChangesDeps } from './record-changes.js';
import type { ServerState, Transition } from './server-state.js';
import { type Found, makeSharedStates, type SharedStates, shardOf } from './shared-states.js';
import { Slots } from './slots.js';

export interface ScanDeps extends RecordChangesDeps {
  /** Limit of a connection attempt; 0: none. */
  readonly connectMs: number;
}

/** Servers that are connected to at one time, of whatever shards: one that stalls holds up no shard. */
const AT_ONCE = 64;

/** For looking at one server, where connections have no limit of their own. */
const LIMIT_MS = 10_000;

/** How often what was found is published while its shard is still being looked at. */
const PUBLISH_MS = 1000;

export interface ScanListener {
  readonly report: (transition: Transition) => void;
  readonly fail: (error: unknown) => void;
  readonly shortest: (field: 'intervalMs' | 'pollMs') => number;
}

/**
 * Connects to every server once an interval, all processes of a store together, and follows what
 * changes in between: what goes on while somebody watches.
 *
 * - Whatever runs is one of `#jobs`, which `stop` waits for, and whose failure is reported.
 * - After `stop` nothing is reported, and no timer is left.
 */
export class ServerScan {
  readonly states: SharedStates;
  readonly #deps: ScanDeps;
  readonly #listener: ScanListener;
  readonly #limitMs: number;
  readonly #records: RecordChanges;
  readonly #stopping = new AbortController();
  readonly #slots = new Slots(AT_ONCE);
  readonly #jobs = new Set<Promise<void>>();
  /** Refusals that are being reported: a hundred requests may fail at once. */
  readonly #reporting = new Set<string>();
  /** Ids of records that were written since a look began, for each that goes on. */
  readonly #written = new Set<Set<string>>();
  readonly #unsubscribe: () => void;
  #listedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ScanDeps, listener: ScanListener) {
    this.#deps = deps;
    this.#listener = listener;
    this.#limitMs = deps.connectMs || LIMIT_MS;
    const { signal } = this.#stopping;
    // One for each connection that is being made.
    setMaxListeners(0, signal);
    this.states = makeSharedStates(deps.store.notes ?? ownNotes(), (transition) => {
      if (!signal.aborted) listener.report(transition);
    });
    this.#records = new RecordChanges(deps, this.states);
    this.#unsubscribe = deps.store.onChange?.((id) => this.changed(id)) ?? (() => {});
    this.hurry();
  }

  /** A record was written, or (`undefined`) any may have been. */
  changed(id: string | undefined): void {
    if (id !== undefined) {
      for (const written of this.#written) written.add(id);
      this.#run(() => this.#records.take(id, true));
      return;
    }
    this.#run(() => this.#records.compareAll());
    this.#listedAt = Number.NEGATIVE_INFINITY;
  }

  requestFailed(id: string, error: unknown): void {
    const { code, message } = explainTlsError(error) ?? {};
    if (!isVerdict(code) || message === undefined) return;
    const occurrence = `${code} ${id}`;
    const known = this.states.known(id);
    // Reported already, or about to be: what a server provokes makes no work each time.
    if (known?.reported?.refusals[code] !== undefined || this.#reporting.has(occurrence)) return;
    this.#reporting.add(occurrence);
    this.#run(async () => {
      try {
        await this.#reportRefusal(id, { code, message });
      } finally {
        this.#reporting.delete(occurrence);
      }
    });
  }

  /** Looks at once. */
  hurry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#run(async () => {
      try {
        await this.#look();
      } finally {
        if (!this.#stopping.signal.aborted) {
          // To watch is no reason for a process to stay.
          this.#timer ??= setTimeout(() => this.hurry(), this.#listener.shortest('pollMs')).unref();
        }
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    this.#unsubscribe();
    await Promise.all(this.#jobs);
  }

  #run(job: () => Promise<void>): void {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const running = job().catch((error) => {
      if (!signal.aborted) this.#listener.fail(error);
    });
    this.#jobs.add(running);
    void running.then(() => this.#jobs.delete(running));
  }

  async #look(): Promise<void> {
    const intervalMs = this.#listener.shortest('intervalMs');
    await this.states.pull();
    const now = performance.now();
    if (now - this.#listedAt < intervalMs && !this.states.isDue(intervalMs)) return;
    this.#listedAt = now;
    const written = new Set<string>();
    this.#written.add(written);
    try {
      await this.#lookAtAll(intervalMs, written);
    } finally {
      this.#written.delete(written);
    }
  }

  async #lookAtAll(intervalMs: number, written: ReadonlySet<string>): Promise<void> {
    const { states } = this;
    const { signal } = this.#stopping;
    const listed = await this.#records.list().catch((error) => {
      // One damaged record makes a list incomplete. Those that are known are looked at all the same.
      this.#listener.fail(error);
      return undefined;
    });
    if (listed !== undefined) {
      // Others may have found what is known when nobody watched what came after it.
      if (!this.#records.hasCompared) {
        await this.#records.compare(listed).catch(this.#listener.fail);
      }
      await this.#records.learn(listed.keys(), written, signal).catch(this.#listener.fail);
    }
    const ids = [...(listed?.keys() ?? []), ...states.all.keys()];
    await this.#scanShards(ids, intervalMs, written);
  }

  async #scanShards(
    ids: readonly string[],
    intervalMs: number,
    written: ReadonlySet<string>,
  ): Promise<void> {
    const shards = new Map<number, Set<string>>();
    for (const id of ids) {
      const shard = shards.get(shardOf(id));
      if (shard === undefined) shards.set(shardOf(id), new Set([id]));
      else shard.add(id);
    }
    const scans: Promise<void>[] = [];
    try {
      for (const [shard, ids] of shards) {
        // A shard is claimed when all before it are under way: no longer than it is looked at.
        await this.#slots.untilRoom();
        if (this.#stopping.signal.aborted) break;
        const claimMs = 30_000 + (1 + Math.ceil(ids.size / AT_ONCE)) * 3 * this.#limitMs;
        if (!(await this.states.claim(shard, intervalMs, claimMs))) continue;
        const scanning = this.#scan(shard, [...ids], written);
        // Waited for below: one that fails before the last has begun is no unhandled rejection.
        scanning.catch(() => {});
        scans.push(scanning);
      }
    } finally {
      await allOf(scans);
    }
  }

  async #scan(shard: number, ids: readonly string[], written: ReadonlySet<string>): Promise<void> {
    const { states } = this;
    const { signal } = this.#stopping;
    const found = new Map<string, Found>();
    let whole = false;
    let published = 0;
    // What a server that stalls shares its shard with is not to wait for it.
    const timer = setInterval(() => {
      if (found.size === published) return;
      published = found.size;
      this.#run(() => states.publish(shard, new Map(found), 'going on'));
    }, PUBLISH_MS).unref();
    try {
      const observe = async (id: string): Promise<void> => {
        const before = states.known(id);
        if (signal.aborted) return;
        const state = await observeServer(this.#deps, id, before, this.#limited());
        // What was broken off says nothing.
        if (!signal.aborted) found.set(id, { before, state });
      };
      await allOf(ids.map((id) => this.#slots.run(() => observe(id))));
      whole = !signal.aborted;
    } finally {
      clearInterval(timer);
      await states.publish(shard, found, whole ? 'whole' : 'broken off');
    }
    if (signal.aborted) return;
    // What was found of them may be older, and nobody knew them when they were written: a revocation, for example.
    await allOf(ids.filter((id) => written.has(id)).map((id) => this.#records.take(id, true)));
  }

  /** A server that stalls is as good as one that is not there. */
  #limited(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#limitMs)]);
  }

  async #reportRefusal(id: string, refusal: NonNullable<ServerState['refusal']>): Promise<void> {
    const { states } = this;
    let mine = false;
    await states.patch(id, (old) => {
      mine = old !== undefined && old.refusal?.code !== refusal.code;
      return mine && old ? { ...old, at: Date.now(), refusal } : undefined;
    });
    // What the server presents is not in the error: whoever reported the refusal goes to see.
    if (!mine && states.known(id) !== undefined) return;
    const state = await observeServer(this.#deps, id, states.known(id), this.#limited());
    if (!this.#stopping.signal.aborted) await states.patch(id, () => state);
  }
}
