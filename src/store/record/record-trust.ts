import { TlsConfigError } from '../../errors.js';
import {
  type ChainReader,
  checkTrustPolicy,
  checkWithoutSources,
} from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import type { Ready } from '../../trust/ready.js';
import { sourcedOf } from '../../trust/sourced.js';
import type { StoredTrust } from './stored-certificate.js';
import type { RecordFile } from './stored-file.js';
import { filesOf, fromStoredTrust, toStoredTrust } from './stored-trust.js';

/**
 * A policy as a record has it, and what it means.
 *
 * Invariant: where it names files, no policy is held here. What they hold is read each time it is asked for, so that
 * there is none that could be used without them, or with what has been taken away since.
 */
export class RecordPolicy {
  readonly stored: StoredTrust;
  readonly files: readonly RecordFile[];
  readonly #policy: CheckedTrustPolicy | undefined;

  private constructor(
    stored: StoredTrust,
    files: readonly RecordFile[],
    policy: CheckedTrustPolicy | undefined,
  ) {
    this.stored = stored;
    this.files = files;
    this.#policy = policy;
  }

  /** Of a policy that is about to be stored. @throws {TlsConfigError} for one that cannot be */
  static of(policy: CheckedTrustPolicy): RecordPolicy {
    const isFixed = sourcedOf(policy) === undefined;
    const stored = toStoredTrust(policy);
    return new RecordPolicy(stored, filesOf(stored), isFixed ? policy : undefined);
  }

  /** Of what stands in a record. Its files are not read. @throws {TlsConfigError} */
  static read(stored: StoredTrust, check: () => CheckedTrustPolicy): RecordPolicy {
    const files = filesOf(stored);
    if (files.length === 0) return new RecordPolicy(stored, files, check());
    checkWithoutSources(fromStoredTrust(stored));
    return new RecordPolicy(stored, files, undefined);
  }

  /** Whether whom to trust stands in a file. */
  get hasCaInFile(): boolean {
    return this.files.some(({ field }) => field === 'ca');
  }

  /** What it means now. @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  get policy(): CheckedTrustPolicy {
    return this.read();
  }

  /** The same, by a reader of several. @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  read(chains?: ChainReader): CheckedTrustPolicy {
    if (this.#policy !== undefined) return this.#policy;
    try {
      return checkTrustPolicy(fromStoredTrust(this.stored), 'trust', undefined, chains);
    } catch (cause) {
      throw unusable(this.files, cause);
    }
  }

  /** Its client certificate alone, whatever else it names. @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  get clientCertificate(): CheckedTrustPolicy['clientCertificate'] {
    if (this.#policy !== undefined) return this.#policy.clientCertificate;
    const { clientCertificate } = this.stored;
    if (clientCertificate === undefined) return undefined;
    try {
      return checkTrustPolicy(fromStoredTrust({ roots: 'default', clientCertificate }))
        .clientCertificate;
    } catch (cause) {
      throw unusable(this.files, cause);
    }
  }
}

function unusable(files: readonly RecordFile[], cause: unknown): unknown {
  if (!(cause instanceof TlsConfigError)) return cause;
  const names = [...new Set(files.map(({ file }) => JSON.stringify(file)))].join(', ');
  const message = `what the record names (${names}) cannot be used: ${cause.message}`;
  return new TlsConfigError('MCP_TLS_SOURCE_UNUSABLE', message, {
    hint:
      cause.hint ??
      'Put the file in its place in this process too, readable and whole: the record names it, and holds none of it.',
    retryable: true,
    cause,
  });
}

/** What a record's trust means, for its own origin and others. Read anew wherever files are named. */
export class RecordTrust implements Ready {
  readonly own: RecordPolicy;
  readonly others: Readonly<Record<string, RecordPolicy>> | undefined;

  constructor(own: RecordPolicy, others: Readonly<Record<string, RecordPolicy>> | undefined) {
    this.own = own;
    this.others = others;
    Object.freeze(this);
  }

  /** @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  get policy(): CheckedTrustPolicy {
    return this.own.policy;
  }

  /** @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  get origins(): Readonly<Record<string, CheckedTrustPolicy>> | undefined {
    return this.readOthers();
  }

  /** The same, by a reader of several. @throws {TlsConfigError} `MCP_TLS_SOURCE_UNUSABLE` */
  readOthers(chains?: ChainReader): Readonly<Record<string, CheckedTrustPolicy>> | undefined {
    const { others } = this;
    if (others === undefined) return undefined;
    const read = Object.entries(others).map(([origin, one]) => [origin, one.read(chains)] as const);
    return Object.freeze(Object.fromEntries(read));
  }

  /** All that it names. */
  get files(): readonly RecordFile[] {
    const others = Object.entries(this.others ?? {}).flatMap(([origin, { files }]) =>
      files.map(({ field, file }) => ({ field: `origins['${origin}'].${field}`, file })),
    );
    return [...this.own.files, ...others];
  }
}
