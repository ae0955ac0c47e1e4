import { setImmediate } from 'node:timers/promises';
import type { CertificateStore } from '../../store/certificate-store.js';
import { rememberingChains } from '../../trust/check-trust-policy.js';
import { eachOf } from './all-of.js';
import { type ObserveDeps, observeRecord } from './observe-server.js';
import { isSameRecord, NEVER_ENDS, type ServerState, UNREADABLE } from './server-state.js';
import type { SharedStates } from './shared-states.js';

/** Records that are read at one time. */
const RECORDS_AT_ONCE = 4;

/** The same where none was read before, and servers wait for it to be connected to. */
const NEW_RECORDS_AT_ONCE = 64;

export interface RecordChangesDeps extends ObserveDeps {
  readonly store: CertificateStore;
}

/**
 * What changed in the records since they were looked at, by their revisions.
 *
 * - Listings run one after the other, and so do comparisons: what the first has read, the second need not read again.
 * - `#compared` is what all states were last compared with; it stays as it was when a comparison fails, so that all
 *   that have changed are compared again.
 */
export class RecordChanges {
  readonly #deps: RecordChangesDeps;
  readonly #states: SharedStates;
  #compared: ReadonlyMap<string, number> | undefined;
  #comparing: Promise<void> = Promise.resolve();
  #listing: Promise<unknown> = Promise.resolve();

  constructor(deps: RecordChangesDeps, states: SharedStates) {
    this.#deps = deps;
    this.#states = states;
  }

  /** Whether all states were compared with a list before. */
  get hasCompared(): boolean {
    return this.#compared !== undefined;
  }

  /** The revisions of all records, by id. @throws where the list is not whole */
  list(): Promise<ReadonlyMap<string, number>> {
    const list = this.#listing.then(async () => {
      const entries = await this.#deps.store.list();
      return new Map(entries.map(({ id, revision }) => [id, revision]));
    });
    this.#listing = list.catch(() => {});
    return list;
  }

  /** Reads those whose revision is another one since; all of them at first, or where the list is not whole. */
  compare(listed: ReadonlyMap<string, number> | undefined): Promise<void> {
    const comparison = this.#comparing.then(async () => {
      const before = this.#compared;
      const isSame = (id: string): boolean => {
        const revision = listed?.get(id);
        return revision !== undefined && revision === before?.get(id);
      };
      const changed = [...this.#states.all.keys()].filter((id) => !isSame(id));
      await eachOf(changed, RECORDS_AT_ONCE, (one) => this.take(one, false));
      this.#compared = listed ?? before;
    });
    this.#comparing = comparison.catch(() => {});
    return comparison;
  }

  /** Any may have changed; those that did not are left as they were found. */
  async compareAll(): Promise<void> {
    await this.#states.pull();
    // Of a watch that has just begun nothing is known that could have changed.
    if (this.#states.all.size === 0) return;
    await this.compare(await this.list().catch(() => undefined));
  }

  /**
   * Reads those that are listed and not known, so that what becomes of them before they are connected to is a change. One
   * that has gone since the list was made is a revocation, too.
   *
   * @param written ids of records that were written since before the list was made
   */
  async learn(
    listed: Iterable<string>,
    written: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const chains = rememberingChains();
    const read = new Map<string, ServerState>();
    const gone = new Set<string>();
    const unknown = [...listed].filter((id) => this.#states.known(id) === undefined);
    await eachOf(unknown, NEW_RECORDS_AT_ONCE, async (id) => {
      // What else this process does gets its turn in between: the files of a record take long to parse.
      await setImmediate();
      if (signal.aborted) return;
      const state = await observeRecord(this.#deps, id, undefined, chains);
      if (state === null) gone.add(id);
      read.set(id, state ?? { at: Date.now(), recorded: UNREADABLE, recordEnds: NEVER_ENDS });
    });
    // What is known is reported, and nothing is any more.
    if (signal.aborted) return;
    await this.#states.learn(read);
    const changed = unknown.filter((id) => gone.has(id) || written.has(id));
    await eachOf(changed, RECORDS_AT_ONCE, (id) => this.take(id, true));
  }

  /**
   * Reads one record.
   *
   * @param written a record that was written was tried before: what was wrong with the server is over
   */
  async take(id: string, written: boolean): Promise<void> {
    const states = this.#states;
    const state = await observeRecord(this.#deps, id, states.known(id));
    // To look at the note would read its whole shard, for each server that is in it.
    if (!written && isSameRecord(states.known(id), state)) return;
    await states.patch(id, (old) => {
      const same = isSameRecord(old, state);
      const settled = !written || old?.refusal?.code === state?.refusal?.code;
      return same && settled ? undefined : state;
    });
  }
}
