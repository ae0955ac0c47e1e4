import { constants, type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { TlsConfigError } from '../errors.js';
import { type CertificateFields, certificateFields } from './certificate-fields.js';
import { DER_TAG, readChildren, readElement, readOid } from './der.js';
import { keyBeyondBounds } from './key-bounds.js';
import { readOneCertificate } from './pem.js';
import {
  PSS_DIGESTS,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
} from './signature-algorithms.js';

/**
 * Whether the one certificate in `pem` is self-signed: its issuer is its subject, **and** its own key
 * verifies its signature. Neither alone is enough: anybody can write any issuer's name, and an
 * intermediate may be issued to the name of its root.
 *
 * Says nothing about trust, names or dates.
 *
 * @param pem PEM as text or bytes, or DER as bytes
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE` when it is not exactly one certificate;
 * `MCP_TLS_UNSUPPORTED_ALGORITHM` when the names are equal and this Node.js cannot verify such a
 * signature (MD2, GOST, post-quantum on Node.js 20), or its key is larger than any that is in use
 * (RSA: 16,384 bits, or an exponent of 64): `false` would be a guess
 * @example
 * isSelfSignedPem(await readFile('server.pem')); // true
 */
export function isSelfSignedPem(pem: string | Uint8Array): boolean {
  return isSelfSigned(readOneCertificate(pem));
}

/**
 * {@link isSelfSignedPem} for a parsed certificate.
 *
 * @throws TlsConfigError `MCP_TLS_UNSUPPORTED_ALGORITHM`; `MCP_TLS_INVALID_CERTIFICATE` when its
 * encoding is BER
 */
export function isSelfSigned(certificate: X509Certificate): boolean {
  const answer = decideSelfSigned(certificate);
  if (typeof answer === 'boolean') return answer;
  throw unsupported(answer);
}

/**
 * {@link isSelfSigned}, for those who go on where this Node.js cannot verify it: `undefined` then.
 *
 * @param verifies whether a signature may be verified; without, only a `false` by the names is certain
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE` when its encoding is BER
 */
export function whetherSelfSigned(
  certificate: X509Certificate,
  verifies = true,
): boolean | undefined {
  const answer = decideSelfSigned(certificate, verifies);
  return typeof answer === 'boolean' ? answer : undefined;
}

/** What this Node.js cannot do, with an algorithm. */
interface Undecidable {
  readonly what: string;
  readonly oid: string;
}

/** The one decision, whoever asks: a function, a description, a record, a verdict. */
function decideSelfSigned(certificate: X509Certificate, mayVerify = true): boolean | Undecidable {
  const fields = certificateFields(certificate.raw);
  if (!namesAreEqual(certificate, fields)) return false;
  const beyond = keyBeyondBounds(certificate);
  if (beyond !== undefined || !mayVerify) {
    const what = `is not asked to verify with ${beyond ?? 'this key'} a signature of the key type`;
    return { what, oid: fields.keyAlgorithm };
  }
  const key = readableKey(certificate);
  if (key === undefined) {
    return { what: 'cannot read a public key of the type', oid: fields.keyAlgorithm };
  }
  // X509Certificate says false both for a wrong signature and for one it cannot judge.
  return verifies(certificate, key) || (undecidableSignature(fields, key) ?? false);
}

/**
 * The same bytes, or the same name by RFC 5280 §7.1: string types, letter case and runs of spaces do
 * not count. OpenSSL compares so, and takes such a certificate for a root.
 */
function namesAreEqual(certificate: X509Certificate, fields: CertificateFields): boolean {
  const { issuer, subject } = fields;
  if (issuer.length === subject.length && issuer.every((byte, i) => byte === subject[i])) {
    return true;
  }
  const issuerText: string | undefined = certificate.issuer;
  const subjectText: string | undefined = certificate.subject;
  return (
    issuerText !== undefined &&
    subjectText !== undefined &&
    foldName(issuerText) === foldName(subjectText)
  );
}

function foldName(name: string): string {
  // ASCII only, as in OpenSSL: beyond it, folding would need string preparation.
  return name.replaceAll(/ +/g, ' ').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** `undefined`: one that this OpenSSL does not know (GOST; post-quantum on Node.js 20), or malformed. */
export function readableKey(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

function verifies(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false;
  }
}

/** Why a `false` about this signature is OpenSSL's inability; `undefined` where it is its judgement. */
function undecidableSignature(fields: CertificateFields, key: KeyObject): Undecidable | undefined {
  const oid = fields.signatureAlgorithm;
  const algorithm = SIGNATURE_ALGORITHMS.get(oid);
  if (algorithm === undefined) return { what: 'does not know the signature algorithm', oid };
  const { asymmetricKeyType } = key;
  // Undefined for post-quantum keys on Node.js 22, which verifies them all the same: go on and try.
  if (asymmetricKeyType !== undefined && !algorithm.keyTypes.includes(asymmetricKeyType)) {
    return undefined; // A key of another type cannot have made the signature.
  }
  if (!isBeyondOpenSsl(key) && canTry(algorithm, fields, key)) return undefined;
  return { what: 'cannot verify the signature algorithm', oid };
}

/**
 * Makes the same verification by the way that distinguishes "wrong" from "cannot": the digest asked for by
 * name, where an unknown one throws. The answer itself does not matter.
 */
function canTry(algorithm: SignatureAlgorithm, fields: CertificateFields, key: KeyObject): boolean {
  const digest = algorithm.digest === undefined ? pssDigest(fields) : algorithm.digest;
  if (digest === undefined) {
    return false;
  }
  const padding = algorithm.digest === undefined ? constants.RSA_PKCS1_PSS_PADDING : undefined;
  try {
    const options = padding === undefined ? key : { key, padding };
    verify(digest, fields.tbsCertificate, options, fields.signature);
    return true;
  } catch {
    return false;
  }
}

/** RFC 4055 §3.1: `[0]` holds the digest's AlgorithmIdentifier, SHA-1 when it is not there. */
function pssDigest({ signatureParameters: bytes }: CertificateFields): string | undefined {
  try {
    const [first] = readChildren(bytes, readElement(bytes, 0, bytes.length));
    if (first?.tag !== 0xa0) {
      return 'sha1';
    }
    const [algorithm] = readChildren(bytes, first);
    if (algorithm?.tag !== DER_TAG.sequence) {
      return undefined;
    }
    return PSS_DIGESTS.get(readOid(bytes, readChildren(bytes, algorithm)[0]));
  } catch {
    return undefined;
  }
}

/** Sizes at which OpenSSL does not try: OPENSSL_RSA_MAX_MODULUS_BITS and its like. */
function isBeyondOpenSsl(key: KeyObject): boolean {
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  return modulusLength > (key.asymmetricKeyType === 'dsa' ? 10_000 : 16_384);
}

function unsupported({ what, oid }: Undecidable): TlsConfigError {
  const name = SIGNATURE_ALGORITHMS.get(oid)?.name;
  const { node, openssl } = process.versions;
  return new TlsConfigError(
    'MCP_TLS_UNSUPPORTED_ALGORITHM',
    `Node.js ${node} (OpenSSL ${openssl}) ${what} ${name === undefined ? oid : `${name} (${oid})`}, so whether the certificate is self-signed is undecidable here`,
  );
}
