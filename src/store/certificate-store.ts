import type { StoreError } from '../errors.js';
import type { ReadyTrust } from '../trust/trust-policy.js';
import type { StoredCertificate } from './record/stored-certificate.js';
import type { StoreNotes } from './store-notes.js';

/**
 * Where the certificates of servers are kept. `createCertificateStore` makes one; a host application
 * may bring its own, over its own database.
 *
 * One rule above all: **a failure never looks like a miss.** `undefined` from {@link get} and `false`
 * from {@link delete} say "there is no such record, and I know it". Anything else, down to a
 * row that cannot be read, rejects. A caller that connects without a record falls back to other trust,
 * so an implementation that swallows an error fails open.
 */
export interface CertificateStore {
  /** The record of `id`; `undefined` only if there is none. */
  get(id: string): Promise<StoredCertificate | undefined>;
  /**
   * What lies under `id` now, past every cache, with the revision to name in a conditional write. For
   * changing a record, not for connecting.
   */
  read(id: string): Promise<CurrentCertificate>;
  /**
   * Writes the record whole, if its revision still is `ifRevision`; without it, over what is
   * there. Resolved means: stored. Whoever writes what was made of something read names the revision
   * that was read: otherwise a withdrawal that came in between is undone.
   *
   * @returns the new revision
   * @throws {StoreError} `MCP_TLS_STORE_CONFLICT` if another write or a deletion came first: nothing
   *   was changed
   */
  set(id: string, record: StoredCertificate, condition?: WriteCondition): Promise<number>;
  /**
   * Withdraws, unconditionally, and makes every conditional write fail that read before it, also where
   * there was no record: a registration that is under way must not come after it.
   *
   * @returns whether there was a record
   */
  delete(id: string): Promise<boolean>;
  /**
   * Every record there is, without its content, or a page of them. An incomplete list rejects. A store may
   * give more than the page that it is asked for, and whoever asks takes what belongs to it.
   */
  list(page?: ListOptions): Promise<readonly CertificateListEntry[]>;
  /**
   * As {@link list}, with what {@link trust} gives, a batch at a time: what a registry lists its servers by. Reads
   * the records past the cache, each once. Without it, they are read one by one.
   */
  trusts?(page?: ListOptions): AsyncIterable<TrustBatch>;
  /** Ends connections and timers. Records stay. */
  close?(): Promise<void>;
  /**
   * The record of `id`, ready to connect with; the same object as long as the record is the same. From
   * memory, as far as that is young enough: of every server with open connections it is asked twice a
   * second. Without it, a registry makes one of what {@link get} gives.
   */
  trust?(id: string): Promise<ReadyTrust | undefined>;
  /**
   * Calls `listener` when a record may have changed, by this process or another; without an id when any
   * may have. Without it, a registry notices a change at the next request.
   *
   * @returns a function that ends it
   */
  onChange?(listener: (id: string | undefined) => void): () => void;
  /**
   * For how long {@link get} may give out a record after it was changed or deleted elsewhere, milliseconds:
   * a registry looks so often whether what is open still is trusted. Default 30,000.
   */
  readonly ttlMs?: number;
  /** What processes that share this store agree on. Without it, `ServerRegistry.watch` works for each alone. */
  readonly notes?: StoreNotes;
}

/** What {@link CertificateStore.read} found. */
export interface CurrentCertificate {
  /** Absent: there is none, and that is certain. */
  readonly record: StoredCertificate | undefined;
  /** Grows with every write, deletions included. 0: never written. */
  readonly revision: number;
  /**
   * The time that it was approved for is over: `get` rejects with `MCP_TLS_STORE_EXPIRED`. The record
   * is there all the same.
   */
  readonly expired: boolean;
}

/** What has to be so for a write to be made. */
export interface WriteCondition {
  /** The revision that {@link CertificateStore.read} gave; 0: nothing was ever written there. */
  readonly ifRevision: number;
}

/** A page of a list, in the order of the ids (by UTF-16 code units, as JavaScript compares them). */
export interface ListOptions {
  /** Only those whose id comes after this one: the last of the page before. */
  after?: string | undefined;
  /** At most so many. Default: all. */
  limit?: number | undefined;
}

/** Some of the records of a store, in the order of their ids. */
export interface TrustBatch {
  /** In the place of what `trust` rejects with, such as of an approval that has expired, its error. */
  readonly entries: readonly { readonly id: string; readonly trust: ReadyTrust | StoreError }[];
  /** Rows looked at so far, and how many there are in all, deleted ones included. */
  readonly done: number;
  readonly total: number;
}

/** What a list says about a record. */
export interface CertificateListEntry {
  readonly id: string;
  /** Grows with every write of this record. */
  readonly revision: number;
}
