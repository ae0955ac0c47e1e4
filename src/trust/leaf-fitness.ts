import type { KeyObject, X509Certificate } from 'node:crypto';
import {
  certificateExtensions,
  certificateFields,
  type RawExtension,
} from '../certificate/certificate-fields.js';
import {
  contentBytes,
  DER_TAG,
  expectTag,
  readChildren,
  readElement,
  readOid,
} from '../certificate/der.js';
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
  if (hasRepeated(extensions)) {
    return { reason: 'MCP_TLS_CHAIN_REFUSED', detail: 'repeated certificate extension' };
  }
  if (!allowServing(extensions)) {
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

/** RFC 5280 §4.2 forbids it. Of two, one reader takes the first and another the last. */
export function hasRepeated(extensions: readonly RawExtension[]): boolean {
  return new Set(extensions.map(({ oid }) => oid)).size < extensions.length;
}

/** Whether none of its usages forbids a TLS server to use it. */
export function mayServe(leaf: X509Certificate): boolean {
  return allowServing(extensionsOf(leaf) ?? []);
}

/** Whether none of its usages forbids a TLS client to be known by it. */
export function mayIdentifyClients(leaf: X509Certificate): boolean {
  return (extensionsOf(leaf) ?? []).every(({ oid, value }) => {
    try {
      if (oid === EXTENDED_KEY_USAGE) return listsUsage(value, [CLIENT_AUTH, ANY_USAGE]);
      return oid !== KEY_USAGE || hasBit(value, SIGNING);
    } catch {
      return false;
    }
  });
}

/**
 * Read from the extensions themselves: to Node.js's `keyUsage`, one that is broken or repeated is the
 * same as none, which would mean any.
 */
function allowServing(extensions: readonly RawExtension[]): boolean {
  return extensions.every(({ oid, value }) => {
    try {
      if (oid === EXTENDED_KEY_USAGE) return listsServerAuth(value);
      if (oid === KEY_USAGE) return hasBit(value, AUTHENTICATING);
      return oid !== NETSCAPE_CERT_TYPE || hasBit(value, SSL_SERVER);
    } catch {
      return false;
    }
  });
}

/** @param value DER of an extended key usage. @throws for anything else */
export function listsServerAuth(value: Uint8Array): boolean {
  return listsUsage(value, [SERVER_AUTH]);
}

function listsUsage(value: Uint8Array, usages: readonly string[]): boolean {
  const list = expectTag(readElement(value, 0, value.length), DER_TAG.sequence, 'usages');
  return readChildren(value, list).some((usage) => usages.includes(readOid(value, usage)));
}

/** @param value DER of a BIT STRING of one byte or more */
function hasBit(value: Uint8Array, mask: number): boolean {
  const bits = expectTag(readElement(value, 0, value.length), DER_TAG.bitString, 'usages');
  return ((contentBytes(value, bits)[1] ?? 0) & mask) !== 0;
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
  const { modulusLength, namedCurve, publicExponent } = key.asymmetricKeyDetails ?? {};
  // With an exponent of 1 anybody signs, and with an even one nobody does (RFC 8017 §3.1).
  if (publicExponent !== undefined && (publicExponent < 3n || publicExponent % 2n === 0n))
    return true;
  if (modulusLength !== undefined) return modulusLength < LEAST_MODULUS_BITS;
  // Ed25519, Ed448 and the post-quantum ones come in strong sizes only.
  if (key.asymmetricKeyType !== 'ec') return /^(rsa|dsa|dh)/.test(key.asymmetricKeyType ?? '');
  // The names of curves give their size: prime192v1, secp224r1, brainpoolP160r1. A curve without a name
  // is one whose parameters its author chose.
  const bits = /\d{3}/.exec(namedCurve ?? '')?.[0];
  return bits === undefined || Number(bits) < LEAST_CURVE_BITS;
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';
export const KEY_USAGE = '2.5.29.15';
export const EXTENDED_KEY_USAGE = '2.5.29.37';
export const BASIC_CONSTRAINTS = '2.5.29.19';
const NETSCAPE_CERT_TYPE = '2.16.840.1.113730.1.1';

/** Bits of keyUsage by which TLS proves a key (RFC 5280 §4.2.1.3): digitalSignature, keyEncipherment, keyAgreement. */
const AUTHENTICATING = 0b1010_1000;

/** The one by which a client proves its key: digitalSignature. */
const SIGNING = 0b1000_0000;

/** Bit of netscapeCertType. */
const SSL_SERVER = 0b0100_0000;

/** Extensions that are judged here, or that do not limit a server's own certificate. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  KEY_USAGE,
  EXTENDED_KEY_USAGE,
  NETSCAPE_CERT_TYPE,
  BASIC_CONSTRAINTS,
  '2.5.29.17', // subjectAltName
  '2.5.29.31', // cRLDistributionPoints
  '2.5.29.32', // certificatePolicies
]);
