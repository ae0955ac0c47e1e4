import type { CheckedTrustPolicy } from '../../trust/check-trust-policy.js';
import { trustOf } from './parse-stored-certificate.js';
import type { StoredCertificate } from './stored-certificate.js';

/** A record ready to connect with. The same object as long as the record is the same. */
export interface ServerTrust {
  readonly record: StoredCertificate;
  /** Grows with every write of the record. */
  readonly revision: number;
  /** `record.trust`, checked: what `makeCustomClientFactory` and the transports take as `trust`. */
  readonly policy: CheckedTrustPolicy;
  /** `record.origins`, checked. */
  readonly origins: Readonly<Record<string, CheckedTrustPolicy>> | undefined;
}

/**
 * The policy of a record, checked: for host applications that keep records in tables of their own.
 *
 * @throws {TlsConfigError} for a record that is none
 */
export function trustPolicyOf(record: StoredCertificate): CheckedTrustPolicy {
  return trustOf(record).policy;
}

/** @throws {TlsConfigError} for a record that is none */
export function serverTrust(record: StoredCertificate, revision: number): ServerTrust {
  return Object.freeze({ record, revision, ...trustOf(record) });
}
