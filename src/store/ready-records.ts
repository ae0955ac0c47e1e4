import type { ForwardClock } from './forward-clock.js';
import { rememberingReader } from './record/parse-stored-certificate.js';
import { readSealedRecord } from './record/read-sealed-record.js';
import { type ServerTrust, serverTrust } from './record/server-trust.js';
import type { StoredCertificate } from './record/stored-certificate.js';
import {
  type CacheStats,
  type CheckedCacheOptions,
  type Loaded,
  makeRecordCache,
  type RecordCache,
} from './record-cache.js';
import { expired } from './record-errors.js';
import type { SealedRecords } from './sealed-records.js';

/**
 * Records, ready to connect with: opened, checked and parsed once each, and cached by id.
 *
 * What is cached is dropped when another revision is seen, or another process says that it changed.
 */
export class ReadyRecords {
  readonly #records: SealedRecords;
  readonly #clock: ForwardClock;
  readonly #cached: RecordCache<ServerTrust>;
  /** By what was in the row: while that is the same object, the row is the same. */
  readonly #ready = new WeakMap<object, ServerTrust>();
  readonly #readOnce = rememberingReader();

  constructor(records: SealedRecords, cache: CheckedCacheOptions, clock: ForwardClock) {
    this.#records = records;
    this.#clock = clock;
    this.#cached = makeRecordCache<ServerTrust>(cache, (id) => this.#load(id));
  }

  /** @throws {StoreError} `MCP_TLS_STORE_EXPIRED`, and what reading throws */
  async get(id: string): Promise<ServerTrust | undefined> {
    const ready = await this.#cached.get(id);
    const until = ready?.record.expiresAt;
    if (until !== undefined && this.#clock.now() >= Date.parse(until)) throw expired(id);
    return ready;
  }

  /**
   * The trust in a row that was opened elsewhere.
   *
   * @throws {StoreError} `MCP_TLS_STORE_INVALID_RECORD`
   */
  readonly of = (id: string, value: unknown, revision: number): ServerTrust => {
    const before = this.#ready.get(value as object);
    if (before !== undefined) return before;
    const trust = serverTrust(this.recordOf(id, value), revision);
    this.#ready.set(value as object, trust);
    return trust;
  };

  /** The record in a row that was opened elsewhere. @throws {StoreError} `MCP_TLS_STORE_INVALID_RECORD` */
  recordOf(id: string, value: unknown): StoredCertificate {
    return readSealedRecord(id, value, this.#readOnce);
  }

  /**
   * A revision was seen: what a list or a reading shows is not contradicted by what was cached before.
   *
   * @returns whether an older one was cached, which it is no more
   */
  learn(id: string, revision: number): boolean {
    return this.#cached.learn(id, revision);
  }

  /** What is cached may be wrong: of one record, or of all. */
  drop(id: string | undefined): void {
    if (id === undefined) this.#cached.clear();
    else this.#cached.drop(id);
  }

  get size(): number {
    return this.#cached.size;
  }

  get stats(): Readonly<CacheStats> {
    return this.#cached.stats;
  }

  async #load(id: string): Promise<Loaded<ServerTrust>> {
    const { value, revision, expired: over } = await this.#records.read(id);
    if (over) throw expired(id);
    if (value === undefined) return { value, revision };
    return { value: this.of(id, value, revision), revision };
  }
}
