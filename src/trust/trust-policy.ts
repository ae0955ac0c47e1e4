import type { X509Certificate } from 'node:crypto';
import { assertKnownKeys, assertOneOf, invalidArgument } from '../assert.js';
import { type PemInput, readCertificates } from '../certificate/pem.js';
import { readReferenceIdentity } from './reference-identity.js';

/** TLS versions that a policy may demand. TLS 1.0 and 1.1 are never spoken (RFC 8996). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What to trust for one server. Every field is checked when the policy is first used. */
export interface TrustPolicy {
  /**
   * Trust anchors, PEM (one or several) or DER. They **replace** the default roots unless `roots` is
   * `'default'`. Any certificate can be an anchor: a root, an intermediate, or the server's own.
   * An anchor that is a certificate authority vouches for every certificate signed with its key.
   */
  readonly ca?: PemInput;
  /**
   * `'none'`: only `ca`; the default when `ca` is given. `'default'`: Node.js's own roots (bundled,
   * `NODE_EXTRA_CA_CERTS`, and the system's where Node.js was told to use them); the default otherwise.
   */
  readonly roots?: 'none' | 'default';
  /**
   * Reference identity (RFC 9525) and SNI, instead of the URL's host: a DNS name or an IP address
   * that the certificate must carry as subjectAltName.
   */
  readonly serverName?: string;
  /** Oldest TLS version to speak. Default `'TLSv1.2'`. */
  readonly minVersion?: TlsVersion;
}

/** Whatever describes trust for one server: a policy, certificate(s) as the only anchors, or `null` for default roots. */
export type TrustInput = TrustPolicy | string | Uint8Array | null;

/** A policy after {@link checkTrustPolicy}: parsed, complete and frozen. */
export interface CheckedTrustPolicy {
  readonly anchors: readonly X509Certificate[];
  readonly defaultRoots: boolean;
  readonly serverName: string | undefined;
  readonly minVersion: TlsVersion;
}

const FIELDS = ['ca', 'roots', 'serverName', 'minVersion'] as const;

/**
 * Validates `trust` once, so that nothing after it has to: an input that is empty, unparsable or
 * unknown throws instead of falling back to the default roots, as `ca: ''` does in `node:tls`.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function checkTrustPolicy(trust: TrustInput | undefined): CheckedTrustPolicy {
  if (trust === null || trust === undefined) return freeze([], true, undefined, 'TLSv1.2');
  if (typeof trust === 'string' || trust instanceof Uint8Array) {
    return freeze(readCertificates(trust), false, undefined, 'TLSv1.2');
  }
  assertPolicyShape(trust);
  const { ca, roots = ca === undefined ? 'default' : 'none', serverName, minVersion } = trust;
  assertOneOf('trust.roots', roots, ['none', 'default']);
  if (minVersion !== undefined) {
    assertOneOf('trust.minVersion', minVersion, ['TLSv1.2', 'TLSv1.3']);
  }
  const anchors = ca === undefined ? [] : readCertificates(ca);
  if (anchors.length === 0 && roots === 'none') {
    invalidArgument("trust.roots is 'none' and there is no trust.ca: nothing could be trusted");
  }
  const name = serverName === undefined ? undefined : readReferenceIdentity(serverName).value;
  return freeze(anchors, roots === 'default', name, minVersion ?? 'TLSv1.2');
}

/**
 * A field that is there with the value `undefined` is nearly always an unset variable. Taking it as
 * "not given" would fall back to a default that the caller did not choose.
 */
function assertPolicyShape(trust: TrustPolicy): void {
  assertKnownKeys('trust', trust, FIELDS);
  const fields = Object.entries(trust);
  if (fields.length === 0) {
    invalidArgument('trust is an empty policy: pass null for the default roots');
  }
  for (const [field, value] of fields) {
    if (value === undefined || value === null) {
      invalidArgument(`trust.${field} is ${value}: leave it out or set it`);
    }
  }
}

function freeze(
  anchors: readonly X509Certificate[],
  defaultRoots: boolean,
  serverName: string | undefined,
  minVersion: TlsVersion,
): CheckedTrustPolicy {
  return Object.freeze({
    anchors: Object.freeze([...anchors]),
    defaultRoots,
    serverName,
    minVersion,
  });
}
