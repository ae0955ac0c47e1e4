import { StoreError } from '../errors.js';
import type { ListOptions } from './certificate-store.js';
import {
  type EnvelopeContext,
  open,
  openSummary,
  type SealedContent,
  type SealedSummary,
  seal,
} from './envelope.js';
import type { ForwardClock } from './forward-clock.js';
import type { KeyRing } from './key-ring.js';
import { type KnownRevision, makeKnownRevisions } from './known-revisions.js';
import { once } from './once.js';
import { OpenedRows } from './opened-rows.js';
import { pauseAfterRace } from './pause-after-race.js';
import { assertRevision, conflict, rolledBack, vanished } from './record-errors.js';
import { recordKey } from './record-key.js';
import { RecordNames } from './record-names.js';
import { digestOf, unchangedOf } from './row-digests.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';
import { MARKER_KEY, makeStoreMarker, type StoreMarker } from './store-marker.js';
import { makeTurns } from './turns.js';

/** A record as it was read. Not `live`: there is none, and that is certain. */
export interface ReadRecord {
  /** Whether there is a record. */
  readonly live: boolean;
  readonly value: unknown;
  /** 0: never written. */
  readonly revision: number;
  /** Whether the time that it was approved for is over. */
  readonly expired: boolean;
}

/** Sealed records in a backend: every answer is proven, every write numbered. */
export interface SealedRecords {
  readonly marker: StoreMarker;
  /** Sets the store up where nothing of it is. @returns whether it was set up now */
  initialize(): Promise<boolean>;
  read(id: string): Promise<ReadRecord>;
  /**
   * @returns the new revision
   * @throws {StoreError} `MCP_TLS_STORE_CONFLICT` if the revision there is not `ifRevision`
   */
  write(
    id: string,
    value: unknown,
    expiresAt: number | undefined,
    ifRevision: number | undefined,
  ): Promise<number>;
  /** Leaves a row that says so, and a new revision, also where there was none. @returns whether there was a record */
  remove(id: string): Promise<boolean>;
  /**
   * What is there, in the order of the ids, up to 200 rows at a time. Rows that cannot be read are given as
   * their errors; a list that is not whole rejects. Of a summary, nothing but `live` and `revision` means anything.
   */
  batches(page: ListOptions, what: 'whole' | 'summary'): AsyncGenerator<RecordBatch>;
}

/** Some of the rows of a list, deleted ones included. */
export interface RecordBatch {
  readonly rows: readonly { readonly id: string; readonly read: ReadRecord | StoreError }[];
  /** Rows so far, and how many there are in all. */
  readonly done: number;
  readonly total: number;
}

const MAX_ATTEMPTS = 12;
/** A withdrawal does not give up where a write may. */
const MAX_REMOVALS = 100;

/**
 * @param held records of which what was read last is kept, to be compared with what is read next
 * @param onRevision a record was read or listed; `isNew`: this process knew an older revision of it
 */
export function makeSealedRecords(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
  createWhenEmpty: boolean,
  clock: ForwardClock,
  held: number,
  onRevision: (id: string, revision: number, isNew: boolean) => void,
): SealedRecords {
  const marker = makeStoreMarker(backend, ring, namespace);
  const known = makeKnownRevisions();
  const names = new RecordNames(backend, known);
  const opened = new OpenedRows(held);
  const openHeld: typeof open = (...of) => opened.open(...of);
  // Writes of one record, so that those of one process never race.
  const inTurn = makeTurns();

  const checkSettings = once(async () => backend.checkSettings?.());

  const contextOf = (id: string): EnvelopeContext => ({ namespace, kind: 'record', id });

  /** One operation for all rows and the marker, so that one proves the others. */
  async function rowsOf(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    await checkSettings();
    let rows = await backend.read([...keys, MARKER_KEY]);
    if (rows.at(-1) === undefined && createWhenEmpty) {
      await marker.create();
      rows = await backend.read([...keys, MARKER_KEY]);
    }
    await marker.check(rows.at(-1));
    return rows;
  }

  async function judge(
    id: string,
    row: string | undefined,
    before: KnownRevision | undefined,
    openRow: typeof open | typeof openSummary = openHeld,
  ): Promise<ReadRecord> {
    if (row === undefined) {
      if (before?.live) throw vanished(id);
      // Again, since settings change: nothing else tells an evicted record from one that never was.
      await backend.checkSettings?.();
      return { live: false, value: undefined, revision: before?.revision ?? 0, expired: false };
    }
    const content: SealedContent | SealedSummary = await openRow(ring, contextOf(id), row);
    const { revision, sealedAt, expiresAt, value } = content;
    const live = value !== null;
    if (before !== undefined && revision < before.revision) {
      throw rolledBack(id, revision, before.revision);
    }
    clock.learn(sealedAt, id);
    learn(id, { revision, live, digest: digestToKnow(row) });
    const expired = expiresAt !== undefined && clock.now() >= expiresAt;
    return { live, value: value ?? undefined, revision, expired };
  }

  async function readBatch(
    ids: readonly string[],
    openRow: typeof open | typeof openSummary,
  ): Promise<RecordBatch['rows']> {
    const befores = ids.map((id) => known.get(id));
    const rows = await rowsOf(ids.map(recordKey));
    return Promise.all(
      ids.map(async (id, i) => {
        // Deleting leaves a row: one that was listed and is not there is lost.
        if (rows[i] === undefined) throw vanished(id);
        const read = await judge(id, rows[i], befores[i], openRow).catch((error) =>
          unreadable(id, error),
        );
        return { id, read };
      }),
    );
  }

  const digestToKnow = (row: string) => (backend.digests && digestOf(row)) || undefined;

  /** What has not changed since it was read last is as it was. */
  async function summaries(ids: readonly string[]): Promise<RecordBatch['rows']> {
    const unchanged = await unchangedOf(backend, known, ids);
    const changed = ids.filter((id) => !unchanged.has(id));
    const rows = changed.length === 0 ? [] : await readBatch(changed, openSummary);
    const reads = new Map(rows.map(({ id, read }) => [id, read]));
    for (const [id, { revision, live }] of unchanged) {
      onRevision(id, revision, false);
      reads.set(id, { live, value: undefined, revision, expired: false });
    }
    return ids.map((id) => ({ id, read: reads.get(id) as ReadRecord | StoreError }));
  }

  function learn(id: string, seen: KnownRevision): void {
    const before = known.get(id);
    known.learn(id, seen);
    onRevision(id, seen.revision, before !== undefined && before.revision < seen.revision);
  }

  /** Puts `value` in the place of what is there, as the next revision. */
  async function put(
    id: string,
    value: unknown,
    expiresAt: number | undefined,
    ifRevision: number | undefined,
  ): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = known.get(id);
      const [row] = await rowsOf([recordKey(id)]);
      const there = row === undefined ? undefined : (await open(ring, contextOf(id), row)).revision;
      if (ifRevision !== undefined) assertRevision(id, there, before, ifRevision);
      const revision = await replace(id, row, there ?? 0, { expiresAt, value });
      if (revision !== undefined) return revision;
      await pauseAfterRace(attempt);
    }
    throw conflict(id, `was written by others ${MAX_ATTEMPTS} times meanwhile`);
  }

  /** Over whatever is there, readable or not, and also where nothing is. */
  async function remove(id: string): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_REMOVALS; attempt++) {
      const before = known.get(id);
      const [row] = await rowsOf([recordKey(id)]);
      const there = await removableFrom(id, row, before);
      if ((await replace(id, row, there.revision, { value: null })) !== undefined) {
        return there.live;
      }
      await pauseAfterRace(attempt);
    }
    throw conflict(id, `was written by others ${MAX_REMOVALS} times meanwhile`);
  }

  async function removableFrom(
    id: string,
    row: string | undefined,
    before: KnownRevision | undefined,
  ): Promise<KnownRevision> {
    // One that this process has seen and that is gone was there: a restored copy of it must not come
    // back to life.
    if (row === undefined) return before ?? { revision: 0, live: false };
    try {
      const { revision, value } = await open(ring, contextOf(id), row);
      return { revision, live: value !== null };
    } catch (error) {
      if (!(error instanceof StoreError) || error.id === undefined) throw error;
      return { revision: 0, live: true };
    }
  }

  /** @returns the new revision; `undefined` if another writer came first: nothing was changed */
  async function replace(
    id: string,
    row: string | undefined,
    there: number,
    content: Pick<SealedContent, 'value'> & { readonly expiresAt?: number | undefined },
  ): Promise<number | undefined> {
    const key = recordKey(id);
    const { value, expiresAt } = content;
    const now = Date.now();
    // A number that is larger than any that a lost or unreadable row may have had.
    const revision = Math.max(there + 1, (known.get(id)?.revision ?? 0) + 1, now);
    const sealed = await seal(ring, contextOf(id), {
      revision,
      sealedAt: now,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      value,
    });
    // It said that it did not write: to try again repeats nothing.
    if (!(await replaceOrWrite(backend, key, row, sealed))) return undefined;
    known.learn(id, { revision, live: value !== null, digest: digestToKnow(sealed) });
    return revision;
  }

  return {
    marker,
    async initialize() {
      await checkSettings();
      return marker.create();
    },
    async read(id) {
      for (;;) {
        const before = known.get(id);
        const [row] = await rowsOf([recordKey(id)]);
        const record = await judge(id, row, before);
        // Something newer was seen meanwhile, by a list or another reading: this one is no answer now.
        if (record.revision >= (known.get(id)?.revision ?? 0)) return record;
      }
    },
    write: (id, value, expiresAt, ifRevision) =>
      inTurn(id, () => put(id, value, expiresAt, ifRevision)),
    // A withdrawal waits for no other write where the backend can tell which of them came first.
    remove: (id) => (backend.replace === undefined ? inTurn(id, () => remove(id)) : remove(id)),
    async *batches(page, what) {
      // A page is looked at again and again, and what is on it fits in memory.
      const whole = page.limit === undefined ? open : openHeld;
      await rowsOf([]);
      for await (const { ids, done, total } of names.inSteps(page)) {
        const rows = what === 'whole' ? await readBatch(ids, whole) : await summaries(ids);
        yield { rows, done, total };
      }
    },
  };
}

/** What is wrong with one row is said of it. A key provider that fails has nothing to do with the row. */
function unreadable(id: string, error: unknown): StoreError {
  if (error instanceof StoreError && error.id === id) return error;
  throw error;
}
