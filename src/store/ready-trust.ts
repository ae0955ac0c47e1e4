import type { SecureContext } from 'node:tls';
import { sharedSecureContext } from '../connect/shared-context.js';
import { type CheckedTrustPolicy, checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { TrustPolicy } from '../trust/trust-policy.js';
import type { StoredCertificate } from './certificate-store.js';
import { trustPolicyOf } from './trust-policy-of.js';

/** A record made ready to connect with: each part is made when it is first asked for, and once. */
export interface ReadyTrust {
  readonly record: StoredCertificate;
  readonly revision: number;
  /** For `makeCustomClientFactory`. The same object as long as the record is the same. */
  readonly trust: TrustPolicy;
  /** `trust`, parsed and checked. */
  readonly policy: CheckedTrustPolicy;
  /** Of `policy`. */
  readonly secureContext: SecureContext;
}

export function makeReadyTrust(record: StoredCertificate, revision: number): ReadyTrust {
  let trust: TrustPolicy | undefined;
  let policy: CheckedTrustPolicy | undefined;
  let secureContext: SecureContext | undefined;
  const ready: ReadyTrust = {
    record,
    revision,
    get trust() {
      trust ??= Object.freeze(trustPolicyOf(record));
      return trust;
    },
    get policy() {
      policy ??= checkTrustPolicy(ready.trust);
      return policy;
    },
    get secureContext() {
      secureContext ??= sharedSecureContext(ready.policy);
      return secureContext;
    },
  };
  return Object.freeze(ready);
}
