import * as tls from 'node:tls';
import type { BatteryPolicy } from '../../../src/testing/index.js';

/** The fields of a policy under the names that `tls.connect` has for them, and nothing more. */
export function tlsOptions(policy: BatteryPolicy): tls.ConnectionOptions {
  const { clientCertificate, crl, minVersion, serverName } = policy;
  return {
    ...caOption(policy),
    ...(serverName !== undefined && { servername: serverName }),
    ...(minVersion !== undefined && { minVersion }),
    ...(clientCertificate !== undefined && (clientCertificate as tls.SecureContextOptions)),
    ...(crl !== undefined && { crl: crl as string }),
  };
}

/**
 * `ca` takes the place of the default roots; the documentation of Node.js says to list them where
 * they are wanted too. What is not in the policy is left out: an empty `ca` stays an empty `ca`.
 */
function caOption(policy: BatteryPolicy): tls.ConnectionOptions {
  if (policy.roots === 'default') return { ca: [...defaultRoots(), ...listOf(policy.ca)] };
  if (policy.roots === 'none' && policy.ca === undefined) return { ca: [] };
  return 'ca' in policy ? { ca: policy.ca as string } : {};
}

export function listOf(ca: BatteryPolicy['ca']): (string | Buffer)[] {
  return (ca === undefined ? [] : Array.isArray(ca) ? ca : [ca]) as (string | Buffer)[];
}

/** Those in force now: some checks add one. Node.js before 22.15 has the bundled ones only. */
export function defaultRoots(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? tls.rootCertificates;
}
