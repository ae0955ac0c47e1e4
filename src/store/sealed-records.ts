import { StoreError } from '../errors.js';
import { type EnvelopeContext, open, type SealedContent, seal } from './envelope.js';
import type { ForwardClock } from './forward-clock.js';
import { isStoreError } from './is-store-error.js';
import type { KeyRing } from './key-ring.js';
import { type KnownRevision, makeKnownRevisions } from './known-revisions.js';
import { recordId, recordKey } from './record-key.js';
import type { StoreBackend } from './store-backend.js';
import { isRecordKey, MARKER_KEY, makeStoreMarker, type StoreMarker } from './store-marker.js';
import { makeTurns } from './turns.js';

/** A record as it was read: `undefined` value: there is none, and that is certain. */
export interface ReadRecord {
  readonly value: unknown;
  /** 0: never written. */
  readonly revision: number;
  readonly expiresAt: number | undefined;
}

/** Sealed records in a backend: every answer is proven, every write numbered. */
export interface SealedRecords {
  readonly marker: StoreMarker;
  /** Sets the store up where nothing of it is. @returns whether it was set up now */
  initialize(): Promise<boolean>;
  read(id: string): Promise<ReadRecord>;
  /** @returns the new revision */
  write(id: string, value: unknown, expiresAt: number | undefined): Promise<number>;
  /** @returns whether there was a record */
  remove(id: string): Promise<boolean>;
  list(): Promise<readonly { readonly id: string; readonly revision: number }[]>;
}

const MAX_ATTEMPTS = 12;
const BATCH = 200;

export function makeSealedRecords(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
  createWhenEmpty: boolean,
  clock: ForwardClock,
): SealedRecords {
  const marker = makeStoreMarker(backend, ring, namespace);
  const known = makeKnownRevisions();
  // Writes of one record, so that those of one process never race.
  const inTurn = makeTurns();
  let settingsChecked: Promise<void> | undefined;

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

  /** Once; again after it could not be done. */
  function checkSettings(): Promise<void> {
    settingsChecked ??= (backend.checkSettings?.() ?? Promise.resolve()).catch((error) => {
      settingsChecked = undefined;
      throw error;
    });
    return settingsChecked;
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
      return { value: undefined, revision: 0, expiresAt: undefined };
    }
    const content = await open(ring, contextOf(id), row);
    const { revision, sealedAt, expiresAt, value } = content;
    if (before !== undefined && revision < before.revision) {
      const message = `the record '${id}' is older than one that was read before (revision ${revision} after ${before.revision})`;
      throw new StoreError('MCP_TLS_STORE_ROLLED_BACK', message, { id });
    }
    clock.learn(sealedAt);
    known.learn(id, { revision, live: value !== null });
    return { value: value ?? undefined, revision, expiresAt };
  }

  /** Puts `value` in the place of what is there, as the next revision. `null`: deleted. */
  async function put(
    id: string,
    value: unknown,
    expiresAt: number | undefined,
    overUnreadable: boolean,
  ): Promise<{ readonly revision: number; readonly wasLive: boolean }> {
    const key = recordKey(id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [row] = await rowsOf([key]);
      if (value === null && row === undefined && known.get(id)?.live) throw vanished(id);
      const old = await currentOf(id, row, overUnreadable);
      if (value === null && !old.live) return { revision: old.revision, wasLive: false };
      const now = Date.now();
      // A number that is larger than any that a lost or unreadable row may have had.
      const revision = Math.max(old.revision + 1, (known.get(id)?.revision ?? 0) + 1, now);
      const content: SealedContent = {
        revision,
        sealedAt: now,
        ...(expiresAt === undefined ? {} : { expiresAt }),
        value,
      };
      const sealed = await seal(ring, contextOf(id), content);
      if (backend.replace === undefined) await backend.write(key, sealed);
      // It said that it did not write: to try again repeats nothing.
      else if (!(await backend.replace(key, row, sealed))) continue;
      known.learn(id, { revision, live: value !== null });
      return { revision, wasLive: old.live };
    }
    const message = `the record '${id}' was written by others ${MAX_ATTEMPTS} times meanwhile`;
    throw new StoreError('MCP_TLS_STORE_CONFLICT', message, { id });
  }

  async function currentOf(
    id: string,
    row: string | undefined,
    overUnreadable: boolean,
  ): Promise<{ readonly revision: number; readonly live: boolean }> {
    if (row === undefined) return { revision: 0, live: false };
    try {
      const { revision, value } = await open(ring, contextOf(id), row);
      return { revision, live: value !== null };
    } catch (error) {
      const unreadable = isStoreError(error) && error.id !== undefined;
      if (!unreadable || !overUnreadable) throw error;
      return { revision: 0, live: true };
    }
  }

  return {
    marker,
    async initialize() {
      await checkSettings();
      return marker.create();
    },
    async read(id) {
      const key = recordKey(id);
      const before = known.get(id);
      const [row] = await rowsOf([key]);
      const record = await judge(id, row, before);
      if (record.expiresAt !== undefined && clock.now() >= record.expiresAt) {
        throw expired(id);
      }
      return record;
    },
    write: (id, value, expiresAt) =>
      inTurn(id, async () => (await put(id, value, expiresAt, false)).revision),
    remove: (id) => inTurn(id, async () => (await put(id, null, undefined, true)).wasLive),
    async list() {
      const liveBefore = known.live().map((id) => ({ id, before: known.get(id) }));
      await rowsOf([]);
      const ids = (await backend.keys()).filter(isRecordKey).map(idOfKey);
      const listed = new Set(ids);
      const missing = liveBefore.find(({ id }) => !listed.has(id));
      if (missing !== undefined) throw vanished(missing.id);
      const entries: { id: string; revision: number }[] = [];
      for (let start = 0; start < ids.length; start += BATCH) {
        const batch = ids.slice(start, start + BATCH);
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
      return entries;
    },
  };
}

export function expired(id: string): StoreError {
  const message = `the time that the record '${id}' was approved for is over`;
  return new StoreError('MCP_TLS_STORE_EXPIRED', message, { id });
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
    `something lies among the records that is none: '${key.slice(0, 64)}'`,
  );
}
