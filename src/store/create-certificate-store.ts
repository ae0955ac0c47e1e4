import { TlsConfigError } from '../errors.js';
import type { ReadyTrust } from '../trust/trust-policy.js';
import type { CertificateStore, CurrentCertificate, WriteCondition } from './certificate-store.js';
import { ChangeFeed } from './change-feed.js';
import { makeForwardClock } from './forward-clock.js';
import { guardBackend } from './guard-backend.js';
import { makeKeyRing } from './key-ring.js';
import { listRecords, listTrusts } from './list-records.js';
import { readCondition } from './read-condition.js';
import { readPage } from './read-page.js';
import { ReadyRecords } from './ready-records.js';
import { createStoredCertificate } from './record/create-stored-certificate.js';
import { parseStoredCertificate } from './record/parse-stored-certificate.js';
import type { ServerTrust } from './record/server-trust.js';
import type { StoredCertificate, StoredCertificateInput } from './record/stored-certificate.js';
import type { CacheStats } from './record-cache.js';
import { assertId } from './record-key.js';
import { type RewrapOptions, type RewrapReport, rewrapRecords } from './rewrap-records.js';
import { SealedRecords } from './sealed-records.js';
import { makeStoreNotes, type StoreNotes } from './store-notes.js';
import { type CertificateStoreOptions, readStoreOptions } from './store-options.js';

/** A {@link CertificateStore} whose records are sealed before they leave this process. */
export interface EncryptedCertificateStore extends Required<CertificateStore>, AsyncDisposable {
  /**
   * The record of `id`, ready to connect with. While it is cached, this decrypts and parses nothing,
   * and gives the same object.
   */
  trust(id: string): Promise<ReadyTrust | undefined>;
  /** Takes the operator's decision too, and makes a record of it. See `createStoredCertificate`. */
  set(
    id: string,
    record: StoredCertificate | StoredCertificateInput,
    condition?: WriteCondition,
  ): Promise<number>;
  /**
   * Sets up a store in a backend that holds nothing of it. Once, at installation: a store that was
   * emptied looks the same from outside, which is why reading does not do it.
   *
   * @returns whether it was set up now; `false`: it was before
   * @throws {StoreError} `MCP_TLS_STORE_EMPTIED` if there are records without their marker
   */
  initialize(): Promise<boolean>;
  /** Seals again, with the key that writes, every record that another key has sealed. */
  rewrap(options?: RewrapOptions): Promise<RewrapReport>;
  /**
   * Calls `listener` when a record may have changed, by this process or another; without an id when
   * any may have. For closing connections that were made under it.
   *
   * @returns a function that ends it
   */
  onChange(listener: (id: string | undefined) => void): () => void;
  /** Counts of the cache of this process. */
  stats(): StoreStats;
  /** What processes that share this store agree on; `ServerRegistry.watch` is coordinated by it. */
  readonly notes: StoreNotes;
}

/** Counts since the store was made. */
export interface StoreStats extends Readonly<CacheStats> {
  /** Records and absences in the cache. */
  readonly cached: number;
  /** Messages from other processes. */
  readonly invalidations: number;
  /** Messages to other processes that could not be sent: they notice after `cache.ttlMs`. */
  readonly invalidationFailures: number;
  /** Whether messages come in; `undefined` without a channel. */
  readonly listening: boolean | undefined;
}

/**
 * Makes a store of certificates over a backend: the memory of this process, a directory, Redis, or
 * any Keyv. Records are encrypted here and bound to their place; the backend sees ids, sizes and key
 * ids, and can neither read, change, exchange nor (while this process runs) put back records
 * unnoticed.
 *
 * Every failure is an error: of the backend, of the keys, of a single byte. `undefined` is the answer
 * only where the backend has, in the same operation, given the marker of this very store.
 *
 * What no encryption shows: to a process that has not seen a record yet, one that somebody took out
 * of the backend looks like one that never was, and an older revision like the newest. What it has
 * seen once may not be gone or older (`MCP_TLS_STORE_VANISHED`, `MCP_TLS_STORE_ROLLED_BACK`).
 *
 * Deleting leaves a sealed row that says so, of some 250 bytes, and it stays.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({
 *   keys: { id: '2026-11', key: process.env.CERTIFICATE_KEY ?? '' },
 *   storage: directoryStorage('/var/lib/gateway'),
 * });
 */
export function createCertificateStore(
  options: CertificateStoreOptions,
): EncryptedCertificateStore {
  const { namespace, keys, retiredKeys, storage, createWhenEmpty, cache, limits } =
    readStoreOptions(options);
  const ring = makeKeyRing(keys, limits.readMs, retiredKeys);
  const backend = guardBackend(storage.backend(namespace), limits, assertOpen);
  const clock = makeForwardClock();
  const records = new SealedRecords({
    backend,
    ring,
    namespace,
    createWhenEmpty,
    clock,
    held: cache.max,
    onRevision,
  });
  const ready = new ReadyRecords(records, cache, clock);
  const notes = makeStoreNotes(backend, ring, namespace);
  const changes = new ChangeFeed(storage.invalidation, namespace, (id) => ready.drop(id));
  let closed = false;
  changes.open();

  function onRevision(id: string, revision: number, isNew: boolean): void {
    changes.seen(id, ready.learn(id, revision), isNew);
  }

  async function trust(id: string): Promise<ServerTrust | undefined> {
    assertOpen();
    assertId(id);
    return ready.get(id);
  }

  function assertOpen(): void {
    if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the certificate store was closed');
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    ready.drop(undefined);
    await changes.close();
    await backend.close();
  }

  return {
    trust,
    async get(id) {
      return (await trust(id))?.record;
    },
    async read(id): Promise<CurrentCertificate> {
      assertOpen();
      assertId(id);
      const { value, revision, expired } = await records.read(id);
      const record = value === undefined ? undefined : ready.recordOf(id, value);
      return { record, revision, expired };
    },
    async set(id, record, condition) {
      assertOpen();
      assertId(id);
      const ifRevision = readCondition(condition);
      const checked =
        'version' in record ? parseStoredCertificate(record) : createStoredCertificate(record);
      const until = checked.expiresAt === undefined ? undefined : Date.parse(checked.expiresAt);
      return changes.around(id, () => records.write(id, checked, until, ifRevision));
    },
    async delete(id) {
      assertOpen();
      assertId(id);
      return changes.around(id, () => records.remove(id));
    },
    async list(page = {}) {
      assertOpen();
      return listRecords(records, readPage(page));
    },
    async *trusts(page = {}) {
      assertOpen();
      yield* listTrusts(records, readPage(page, 'store.trusts: page'), ready.of);
    },
    async initialize() {
      assertOpen();
      return records.initialize();
    },
    async rewrap(options = {}) {
      assertOpen();
      return rewrapRecords(backend, ring, namespace, records.marker, options);
    },
    onChange: (listener) => changes.listen(listener),
    notes,
    ttlMs: cache.ttlMs,
    stats: () => ({
      ...ready.stats,
      cached: ready.size,
      invalidations: changes.invalidations,
      invalidationFailures: changes.invalidationFailures,
      listening: changes.listening,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
