import type { TrustPolicy } from '../trust/trust-policy.js';
import type { StoredCertificate } from './certificate-store.js';

/** The policy that a record stands for: what `makeCustomClientFactory` takes. */
export function trustPolicyOf(record: StoredCertificate): TrustPolicy {
  const { authority, roots, pins, identity, serverName, allowExpired, minVersion } = record;
  const { clientCertificate } = record;
  return {
    // With identity 'pin' the certificate is kept to be shown: its key is what is trusted.
    ...(identity === 'pin' ? {} : { ca: record.certificatePem }),
    // Fields that are absent stay absent: a policy refuses one that is undefined.
    ...(authority === undefined ? {} : { authority }),
    ...(roots === undefined ? {} : { roots }),
    ...(pins === undefined ? {} : { pins }),
    ...(identity === undefined ? {} : { identity }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(allowExpired === undefined ? {} : { allowExpired }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}
