import { isDeepStrictEqual } from 'node:util';
import { invalidArgument } from '../../assert.js';
import { READY, type Ready, readyOf } from '../../trust/ready.js';
import type { ReadyTrust } from '../../trust/trust-policy.js';
import { trustOf } from './parse-stored-certificate.js';
import type { RecordTrust } from './record-trust.js';
import type { StoredCertificate } from './stored-certificate.js';

/**
 * A record ready to connect with: pass it on as `trust`. Its `origins` hold with it, unless others are given.
 * The same object as long as the record is the same.
 */
export interface ServerTrust extends ReadyTrust {
  readonly record: StoredCertificate;
  /** Grows with every write of the record. */
  readonly revision: number;
}

/**
 * What a {@link ServerTrust} holds for those who connect. Where the record names files, `policy` and `origins` read them
 * anew each time, and throw where they cannot (`MCP_TLS_SOURCE_UNUSABLE`).
 */
export interface CheckedServerTrust extends ServerTrust, Ready {
  readonly named: RecordTrust;
}

/**
 * The policy of a record, checked: for host applications that keep records in tables of their own. Files that it names
 * are read, and followed by what is made with it.
 *
 * @throws {TlsConfigError} for a record that is none; `MCP_TLS_SOURCE_UNUSABLE`
 */
export function trustPolicyOf(record: StoredCertificate): ReadyTrust {
  return trustOf(record).policy;
}

/** @throws {TlsConfigError} for a record that is none */
export function serverTrust(record: StoredCertificate, revision: number): CheckedServerTrust {
  const named = trustOf(record);
  const hidden = { [READY]: { value: named }, named: { value: named } };
  if (named.files.length === 0) {
    const { policy, origins } = named;
    return freeze({ record, revision, policy, origins }, hidden);
  }
  // Not enumerable: whoever prints or copies it reads no file.
  const read = { policy: { get: () => named.policy }, origins: { get: () => named.origins } };
  return freeze({ record, revision }, { ...hidden, ...read });
}

function freeze(server: object, hidden: PropertyDescriptorMap): CheckedServerTrust {
  return Object.freeze(Object.defineProperties(server, hidden)) as CheckedServerTrust;
}

/** What a store gave as the trust of a server. @throws {TlsConfigError} for what is none */
export function readServerTrust(trust: ReadyTrust): CheckedServerTrust {
  if (readyOf(trust) === undefined || (trust as ServerTrust).record === undefined) {
    invalidArgument('store.trust() must give what the trust() of createCertificateStore gives');
  }
  return trust as CheckedServerTrust;
}

/**
 * Whether the record is the one that it was, with no write in between. Not whether it trusts the same: what is
 * trusted for a while, then is not, and then is again, says nothing about who spoke meanwhile.
 */
export function isSameRecord(before: CheckedServerTrust, now: CheckedServerTrust): boolean {
  if (before === now) return true;
  return (
    before.revision > 0 &&
    before.revision === now.revision &&
    isDeepStrictEqual(before.record, now.record)
  );
}
