import { StoreError } from '../errors.js';
import type { SealedContent } from './envelope.js';
import { makeKeyedQueue } from './keyed-queue.js';
import type { KnownRevision, KnownRevisions } from './known-revisions.js';
import { pauseAfterRace } from './pause-after-race.js';
import type { ProvenRows } from './proven-rows.js';
import { assertRevision, conflict } from './record-errors.js';
import { recordKey } from './record-key.js';
import { replaceOrWrite } from './store-backend.js';

const MAX_ATTEMPTS = 12;
/** A withdrawal does not give up where a write may. */
const MAX_REMOVALS = 100;

/** What is put in the place of a row; `value: null`: nothing is left but a row that says so. */
type NewContent = Pick<SealedContent, 'value'> & { readonly expiresAt?: number | undefined };

/**
 * Writes of one namespace. Each has a revision that is larger than any which was seen, of a lost or unreadable row
 * too, and replaces the very row that was read. Writes of one record by one process never race.
 */
export class RecordWriter {
  readonly #rows: ProvenRows;
  readonly #known: KnownRevisions;
  readonly #queue = makeKeyedQueue();

  constructor(rows: ProvenRows, known: KnownRevisions) {
    this.#rows = rows;
    this.#known = known;
  }

  /**
   * @returns the new revision
   * @throws {StoreError} `MCP_TLS_STORE_CONFLICT` if the revision there is not `ifRevision`
   */
  write(
    id: string,
    value: unknown,
    expiresAt: number | undefined,
    ifRevision: number | undefined,
  ): Promise<number> {
    return this.#queue(id, () => this.#put(id, { value, expiresAt }, ifRevision));
  }

  /**
   * Over whatever is there, readable or not, and also where nothing is. A withdrawal waits for no other write where
   * the backend knows which of them came first.
   *
   * @returns whether there was a record
   */
  remove(id: string): Promise<boolean> {
    const waits = this.#rows.backend.replace === undefined;
    return waits ? this.#queue(id, () => this.#remove(id)) : this.#remove(id);
  }

  async #put(id: string, content: NewContent, ifRevision: number | undefined): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = this.#known.get(id);
      const [row] = await this.#rows.read([recordKey(id)]);
      const there = row === undefined ? undefined : (await this.#rows.open(id, row)).revision;
      if (ifRevision !== undefined) assertRevision(id, there, before, ifRevision);
      const revision = await this.#replace(id, row, there ?? 0, content);
      if (revision !== undefined) return revision;
      await pauseAfterRace(attempt);
    }
    throw conflict(id, `was written by others ${MAX_ATTEMPTS} times meanwhile`);
  }

  async #remove(id: string): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_REMOVALS; attempt++) {
      const before = this.#known.get(id);
      const [row] = await this.#rows.read([recordKey(id)]);
      const there = await this.#removableFrom(id, row, before);
      const revision = await this.#replace(id, row, there.revision, { value: null });
      if (revision !== undefined) return there.live;
      await pauseAfterRace(attempt);
    }
    throw conflict(id, `was written by others ${MAX_REMOVALS} times meanwhile`);
  }

  async #removableFrom(
    id: string,
    row: string | undefined,
    before: KnownRevision | undefined,
  ): Promise<KnownRevision> {
    // One that this process has seen and that is gone was there: a restored copy of it must not come
    // back to life.
    if (row === undefined) return before ?? { revision: 0, live: false };
    try {
      const { revision, value } = await this.#rows.open(id, row);
      return { revision, live: value !== null };
    } catch (error) {
      if (!(error instanceof StoreError) || error.id === undefined) throw error;
      return { revision: 0, live: true };
    }
  }

  /** @returns the new revision; `undefined` if another writer came first: nothing was changed */
  async #replace(
    id: string,
    row: string | undefined,
    there: number,
    { value, expiresAt }: NewContent,
  ): Promise<number | undefined> {
    const now = Date.now();
    const revision = Math.max(there + 1, (this.#known.get(id)?.revision ?? 0) + 1, now);
    const { row: sealed, head } = await this.#rows.seal(id, {
      revision,
      sealedAt: now,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      value,
    });
    // It said that it did not write: to try again repeats nothing.
    const written = await replaceOrWrite(this.#rows.backend, recordKey(id), row, sealed, head);
    if (!written) return undefined;
    const digest = this.#rows.digestOf(sealed);
    this.#known.learn(id, { revision, live: value !== null, digest });
    return revision;
  }
}
