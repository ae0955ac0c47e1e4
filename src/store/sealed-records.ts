import { StoreError } from '../errors.js';
import type { CertificateListEntry, ListOptions } from './certificate-store.js';
import { type EnvelopeContext, open, type SealedContent, seal } from './envelope.js';
import type { ForwardClock } from './forward-clock.js';
import type { KeyRing } from './key-ring.js';
import { type KnownRevision, makeKnownRevisions } from './known-revisions.js';
import { once } from './once.js';
import { pauseAfterRace } from './pause-after-race.js';
import { recordId, recordKey } from './record-key.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';
import {
  assertWhole,
  isRecordKey,
  MARKER_KEY,
  makeStoreMarker,
  type StoreMarker,
} from './store-marker.js';
import { makeTurns } from './turns.js';

/** A record as it was read: `undefined` value: there is none, and that is certain. */
export interface ReadRecord {
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
  list(page: ListOptions): Promise<readonly CertificateListEntry[]>;
}

const MAX_ATTEMPTS = 12;
/** A withdrawal does not give up where a write may. */
const MAX_REMOVALS = 100;
const BATCH = 200;

/**
 * @param onRevision a record was read or listed; `isNew`: this process knew an older revision of it
 */
export function makeSealedRecords(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
  createWhenEmpty: boolean,
  clock: ForwardClock,
  onRevision: (id: string, revision: number, isNew: boolean) => void,
): SealedRecords {
  const marker = makeStoreMarker(backend, ring, namespace);
  const known = makeKnownRevisions();
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
  ): Promise<ReadRecord> {
    if (row === undefined) {
      if (before?.live) throw vanished(id);
      // Again, since settings change: nothing else tells an evicted record from one that never was.
      await backend.checkSettings?.();
      return { value: undefined, revision: before?.revision ?? 0, expired: false };
    }
    const content = await open(ring, contextOf(id), row);
    const { revision, sealedAt, expiresAt, value } = content;
    if (before !== undefined && revision < before.revision) {
      throw rolledBack(id, revision, before.revision);
    }
    clock.learn(sealedAt, id);
    learn(id, { revision, live: value !== null });
    const expired = expiresAt !== undefined && clock.now() >= expiresAt;
    return { value: value ?? undefined, revision, expired };
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
    known.learn(id, { revision, live: value !== null });
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
    async list({ after, limit = Number.POSITIVE_INFINITY }) {
      const liveBefore = known.live();
      await rowsOf([]);
      const keys = await backend.keys();
      assertWhole(keys);
      const ids = keys.filter(isRecordKey).map(idOfKey);
      const listed = new Set(ids);
      const missing = liveBefore.find((id) => !listed.has(id));
      if (missing !== undefined) throw vanished(missing);
      const rest = after === undefined ? ids : ids.filter((id) => id > after);
      // A page costs what is on it, and the keys; deleted rows are found by opening them.
      const atOnce = Math.min(BATCH, limit);
      if (limit !== Number.POSITIVE_INFINITY) rest.sort();
      const entries: CertificateListEntry[] = [];
      for (let start = 0; start < rest.length && entries.length < limit; start += atOnce) {
        const batch = rest.slice(start, start + atOnce);
        const befores = batch.map((id) => known.get(id));
        const rows = await rowsOf(batch.map(recordKey));
        const read = await Promise.all(
          batch.map((id, i) => {
            // Deleting leaves a row: one that was listed and is not there is lost.
            if (rows[i] === undefined) throw vanished(id);
            return judge(id, rows[i], befores[i]);
          }),
        );
        for (const [i, { value, revision }] of read.entries()) {
          if (value !== undefined) entries.push({ id: batch[i] as string, revision });
        }
      }
      return limit < entries.length ? entries.slice(0, limit) : entries;
    },
  };
}

export function expired(id: string): StoreError {
  const message = `the time that the record '${id}' was approved for is over`;
  return new StoreError('MCP_TLS_STORE_EXPIRED', message, { id });
}

/**
 * Whether the row is the one that was read, by the same judgement: what `read` refuses is not written
 * over by whoever says that he read it.
 */
function assertRevision(
  id: string,
  there: number | undefined,
  before: KnownRevision | undefined,
  expected: number,
): void {
  if (there === undefined && before?.live) throw vanished(id);
  if (there !== undefined && before !== undefined && there < before.revision) {
    throw rolledBack(id, there, before.revision);
  }
  const revision = there ?? before?.revision ?? 0;
  if (revision !== expected) {
    throw conflict(id, `was changed meanwhile (revision ${revision}, not ${expected})`);
  }
}

function conflict(id: string, what: string): StoreError {
  return new StoreError('MCP_TLS_STORE_CONFLICT', `the record '${id}' ${what}`, { id });
}

function rolledBack(id: string, revision: number, before: number): StoreError {
  const message = `the record '${id}' is older than one that was read before (revision ${revision} after ${before})`;
  return new StoreError('MCP_TLS_STORE_ROLLED_BACK', message, { id });
}

function vanished(id: string): StoreError {
  const message = `the record '${id}' is gone, and was not deleted through the store`;
  return new StoreError('MCP_TLS_STORE_VANISHED', message, { id });
}

/** @throws {StoreError} `MCP_TLS_STORE_TAMPERED` for a key that no record of ours has */
export function idOfKey(key: string): string {
  const id = recordId(key);
  if (id !== undefined) return id;
  throw new StoreError(
    'MCP_TLS_STORE_TAMPERED',
    `a key among the records is not a record: '${key.slice(0, 64)}'`,
  );
}
