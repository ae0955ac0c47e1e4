/**
 * Where the certificates of servers are kept. `createCertificateStore` makes one; a host application
 * may bring its own, over its own database.
 *
 * One rule above all: **a failure never looks like a miss.** `undefined` from {@link get} and `false`
 * from {@link delete} say "there is no such record, and I know it". Whatever else happens, down to a
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
   * Writes the record whole, if its revision still is `ifRevision`; without it, over whatever is
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
  /** Every record there is, without its content. An incomplete list rejects. */
  list(): Promise<readonly CertificateListEntry[]>;
  /** Ends connections and timers. Records stay. */
  close(): Promise<void>;
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

/** What a list says about a record. */
export interface CertificateListEntry {
  readonly id: string;
  /** Grows with every write of this record. */
  readonly revision: number;
}

/**
 * What is kept of one server: whom to trust there, and how that came about. Plain data, JSON-safe.
 * `makeStoredCertificate` fills in what follows from the certificate.
 */
export interface StoredCertificate {
  /** Of this format. Another version is refused, not guessed at. */
  readonly version: 1;
  /** The certificate that is trusted (with others, if several are), PEM. */
  readonly certificatePem: string;
  /** Whether the first of them is self-signed. */
  readonly isSelfSigned: boolean;
  /** SHA-256 of the first, colon-separated upper-case hex. */
  readonly fingerprint: string;
  /** Validity of the first, ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Where the server is; for the host application. */
  readonly url?: string;
  /** `TrustPolicy.authority`. */
  readonly authority?: boolean;
  /** `TrustPolicy.roots`: `'default'` adds Node.js's own roots. Absent: none but these certificates. */
  readonly roots?: 'none' | 'default';
  /** `TrustPolicy.pins`. */
  readonly pins?: readonly string[];
  /** `TrustPolicy.identity`. */
  readonly identity?: 'name' | 'pin';
  /** `TrustPolicy.serverName`. */
  readonly serverName?: string;
  /** `TrustPolicy.allowExpired`. */
  readonly allowExpired?: boolean;
  /** `TrustPolicy.minVersion`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** `TrustPolicy.clientCertificate`, PEM. */
  readonly clientCertificate?: StoredClientCertificate;
  /** Who approved the certificate, in the host application's words. */
  readonly approvedBy?: string;
  /** When, ISO 8601. */
  readonly approvedAt?: string;
  /** Until when, ISO 8601. From then on `get` rejects with `MCP_TLS_STORE_EXPIRED`. */
  readonly expiresAt?: string;
  /** The certificate that this one took the place of. */
  readonly previous?: PreviousCertificate;
}

export interface StoredClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly passphrase?: string;
}

export interface PreviousCertificate {
  readonly certificatePem: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly replacedAt?: string;
}
