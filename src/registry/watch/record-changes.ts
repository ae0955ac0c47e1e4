import type { CertificateStore } from '../../store/certificate-store.js';
import { eachOf } from './all-of.js';
import { type ObserveParts, observeRecord } from './observe-server.js';
import { isSameRecord } from './server-state.js';
import type { SharedStates } from './shared-states.js';

/** Records that are read at one time. */
const RECORDS_AT_ONCE = 4;

export interface RecordChangesParts extends ObserveParts {
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
  readonly #parts: RecordChangesParts;
  readonly #states: SharedStates;
  #compared: ReadonlyMap<string, number> | undefined;
  #comparing: Promise<void> = Promise.resolve();
  #listing: Promise<unknown> = Promise.resolve();

  constructor(parts: RecordChangesParts, states: SharedStates) {
    this.#parts = parts;
    this.#states = states;
  }

  /** Whether all states were compared with a list before. */
  get hasCompared(): boolean {
    return this.#compared !== undefined;
  }

  /** The revisions of all records, by id. @throws where the list is not whole */
  list(): Promise<ReadonlyMap<string, number>> {
    const list = this.#listing.then(async () => {
      const entries = await this.#parts.store.list();
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
   * Reads one record.
   *
   * @param written a record that was written was tried before: what was wrong with the server is over
   */
  async take(id: string, written: boolean): Promise<void> {
    const states = this.#states;
    const state = await observeRecord(this.#parts, id, states.known(id));
    // To look at the note would read its whole shard, for each server that is in it.
    if (!written && isSameRecord(states.known(id), state)) return;
    await states.patch(id, (old) => {
      const same = isSameRecord(old, state);
      const settled = !written || old?.refusal?.code === state?.refusal?.code;
      return same && settled ? undefined : state;
    });
  }
}
