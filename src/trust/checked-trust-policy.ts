import type { X509Certificate } from 'node:crypto';
import type { CheckedClientCertificate } from './client-certificate.js';
import type { Pin } from './pin.js';
import type { ReadyTrust, TlsGroup, TlsVersion } from './trust-policy.js';

/**
 * A policy after `checkTrustPolicy`: checked, complete and frozen. It holds its certificates as
 * bytes; what OpenSSL makes of them takes ten times as much and goes when nobody uses it, since a
 * gateway knows thousands of servers and talks to few of them at a time.
 */
export interface CheckedTrustPolicy extends ReadyTrust {
  /** All certificates of `ca`. */
  readonly anchors: readonly X509Certificate[];
  /** Those of them that may issue other certificates: OpenSSL's trust anchors, with the roots. */
  readonly authorities: readonly X509Certificate[];
  /** DER of the others: servers' own, compared by their bytes, and never given to OpenSSL. */
  readonly ownCertificates: readonly Uint8Array[];
  readonly defaultRoots: boolean;
  readonly systemRoots: boolean;
  /** Whether there are authorities or roots, without which no chain is trusted. */
  readonly trustsChains: boolean;
  readonly pins: readonly Pin[];
  /** `'unchecked'` is reached by the dangerous export only, never by data. */
  readonly identity: 'name' | 'pin' | 'unchecked';
  readonly serverName: string | undefined;
  readonly allowExpired: boolean;
  readonly clientCertificate: CheckedClientCertificate | undefined;
  /** PEM, one list each. */
  readonly crl: readonly string[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Empty: Node.js's own. */
  readonly groups: readonly TlsGroup[];
}
