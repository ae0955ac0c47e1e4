import type { KeyObject, X509Certificate } from 'node:crypto';
import {
  certificateExtensions,
  certificateFields,
  type RawExtension,
} from '../certificate/certificate-fields.js';
import type { TrustErrorCode } from '../errors.js';

/** What is wrong with a certificate by itself. */
export interface Unfitness {
  readonly reason: Extract<
    TrustErrorCode,
    'MCP_TLS_WEAK' | 'MCP_TLS_WRONG_USAGE' | 'MCP_TLS_CHAIN_REFUSED'
  >;
  /** In OpenSSL's words, where it has some for this. */
  readonly detail: string;
}

/**
 * Whether a server's certificate may be used for a TLS server at all: strength of its key, usage, and
 * critical extensions (RFC 5280 §4.2). OpenSSL's verdict carries the same; this is for certificates that
 * are trusted without it, by their bytes or by a pin. Its signature is not looked at, since nobody relies
 * on that then, nor its validity, which {@link decide} judges for every policy.
 *
 * @returns `undefined` if it is fit
 */
export function unfitness(leaf: X509Certificate): Unfitness | undefined {
  if (hasWeakKey(leaf)) return { reason: 'MCP_TLS_WEAK', detail: 'EE certificate key too weak' };
  const extensions = extensionsOf(leaf);
  if (extensions === undefined) {
    return { reason: 'MCP_TLS_CHAIN_REFUSED', detail: 'invalid certificate encoding' };
  }
  if (!mayServe(leaf)) {
    return { reason: 'MCP_TLS_WRONG_USAGE', detail: 'unsuitable certificate purpose' };
  }
  if (extensions.some(({ critical, oid }) => critical && !UNDERSTOOD.has(oid))) {
    return { reason: 'MCP_TLS_CHAIN_REFUSED', detail: 'unhandled critical extension' };
  }
  return undefined;
}

function extensionsOf(certificate: X509Certificate): readonly RawExtension[] | undefined {
  try {
    return certificateExtensions(certificateFields(certificate.raw));
  } catch {
    return undefined;
  }
}

/** Whether neither its extended key usage nor its key usage forbids a TLS server to use it. */
export function mayServe(leaf: X509Certificate): boolean {
  if (leaf.keyUsage?.includes(SERVER_AUTH) === false) return false;
  const keyUsage = extensionsOf(leaf)?.find(({ oid }) => oid === KEY_USAGE)?.value;
  return keyUsage === undefined || mayAuthenticate(keyUsage);
}

/** RSA and DSA below 2048 bits, curves below 224: OpenSSL's security level 2 (112 bits). */
const LEAST_MODULUS_BITS = 2048;
const LEAST_CURVE_BITS = 224;

/** Whether a key is too weak, or is none that could be judged. */
export function hasWeakKey(certificate: X509Certificate): boolean {
  let key: KeyObject;
  try {
    key = certificate.publicKey;
  } catch {
    return true;
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength < LEAST_MODULUS_BITS;
  // Ed25519, Ed448 and the post-quantum ones come in strong sizes only.
  if (key.asymmetricKeyType !== 'ec') return /^(rsa|dsa|dh)/.test(key.asymmetricKeyType ?? '');
  // The names of curves tell their size: prime192v1, secp224r1, brainpoolP160r1. A curve without a name
  // is one whose parameters its author chose.
  const bits = /\d{3}/.exec(namedCurve ?? '')?.[0];
  return bits === undefined || Number(bits) < LEAST_CURVE_BITS;
}

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const KEY_USAGE = '2.5.29.15';

/** Bits of keyUsage by which TLS proves a key (RFC 5280 §4.2.1.3): digitalSignature, keyEncipherment, keyAgreement. */
const AUTHENTICATING = 0b1010_1000;

/** @param value DER of the BIT STRING: tag, length, unused bits, bits */
function mayAuthenticate(value: Uint8Array): boolean {
  return value[0] === 0x03 && ((value[3] ?? 0) & AUTHENTICATING) !== 0;
}

/** Extensions that are judged here or by OpenSSL, or that say nothing about a server's own certificate. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  KEY_USAGE,
  '2.5.29.37', // extKeyUsage
  '2.5.29.17', // subjectAltName
  '2.5.29.19', // basicConstraints
  '2.5.29.30', // nameConstraints
  '2.5.29.31', // cRLDistributionPoints
  '2.5.29.32', // certificatePolicies
  '2.5.29.33', // policyMappings
  '2.5.29.36', // policyConstraints
  '2.5.29.54', // inhibitAnyPolicy
  '2.16.840.1.113730.1.1', // netscapeCertType
]);
