import type { X509Certificate } from 'node:crypto';
import { type CertificateFields, certificateFields } from './certificate-fields.js';
import { fingerprint256, spkiPin } from './fingerprint.js';
import { readableKey, whetherSelfSigned } from './is-self-signed-pem.js';
import { keyBeyondBounds, rsaSize } from './key-bounds.js';
import { readOneCertificate } from './pem.js';
import { printable } from './printable.js';
import { readExtensions, type SubjectAltNames } from './read-extensions.js';
import { SIGNATURE_ALGORITHMS } from './signature-algorithms.js';
import { validityOf } from './validity.js';

export type { SubjectAltNames } from './read-extensions.js';

/**
 * A certificate for people and programs: plain data, every string safe to print.
 *
 * Nothing here is verified: these are the certificate's own words.
 */
export interface CertificateDescription {
  /** `C=DE, O=Example, CN=mcp.example`: one line, in the certificate's order, special characters escaped. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectAltNames: SubjectAltNames;
  /** Upper-case hex. */
  readonly serialNumber: string;
  /** 1, 2 or 3. */
  readonly version: number;
  /** An invalid `Date` where the certificate's own is broken (`unreadable` says `validity`). */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: CertificateKey;
  readonly signatureAlgorithm: { readonly name: string; readonly oid: string };
  /** basicConstraints says CA:TRUE. OpenSSL takes some others for a CA too, such as version 1 roots. */
  readonly isCa: boolean;
  /** How many intermediates may follow below, where a CA limits it. */
  readonly pathLength?: number;
  /** Names of RFC 5280 §4.2.1.3, empty where the extension is absent: then any use is allowed. */
  readonly keyUsages: readonly string[];
  /** Names, or OIDs where unknown. Empty where the extension is absent: then any use is allowed. */
  readonly extendedKeyUsages: readonly string[];
  /** Where the issuer's certificate can be fetched, in the certificate's own words. */
  readonly issuerUrls: readonly string[];
  /** Colon-separated upper-case hex. */
  readonly subjectKeyId?: string;
  readonly authorityKeyId?: string;
  /** SHA-256 of the certificate, colon-separated upper-case hex. */
  readonly fingerprint: string;
  /** `sha256/BASE64` of the public key, RFC 7469 §2.4. */
  readonly spkiPin: string;
  /**
   * As `isSelfSignedPem` decides; `undefined` where that throws, because this Node.js cannot verify it or the key is
   * larger than any that is in use; and in a chain, for all certificates that name themselves as issuer but the
   * first four.
   */
  readonly isSelfSigned: boolean | undefined;
  /** What could not be read: OIDs of broken or repeated extensions, `subject`, `issuer`, `validity`, `extensions`. */
  readonly unreadable: readonly string[];
}

/** A certificate's public key in a few words. */
export interface CertificateKey {
  /** As Node.js names it (`rsa`, `ec`, `ed25519`, `ml-dsa-65` ...), or an OID. */
  readonly type: string;
  /** Size of the modulus, for RSA and DSA. */
  readonly bits?: number;
  /** Name of the curve, for EC keys on a named one. */
  readonly curve?: string;
}

/**
 * Describes the one certificate in `pem`. pkijs loads on the first call.
 *
 * @param pem PEM as text or bytes, or DER as bytes
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE` when it is not exactly one certificate
 * @example
 * const { subject, notAfter, fingerprint } = await describeCertificate(pem);
 */
export async function describeCertificate(
  pem: string | Uint8Array,
): Promise<CertificateDescription> {
  return describe(readOneCertificate(pem));
}

/**
 * {@link describeCertificate} for a parsed certificate.
 *
 * Never calls `toLegacyObject()`, which crashes the process on brainpool and secp256k1 certificates
 * on Node.js 23.11 and later; `publicKey` and `asymmetricKeyDetails` are safe there.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE` when the certificate's encoding is BER
 */
export async function describe(
  certificate: X509Certificate,
  { verifies = true }: { readonly verifies?: boolean } = {},
): Promise<CertificateDescription> {
  const fields = certificateFields(certificate.raw);
  const { unreadable, ...extensions } = await readExtensions(fields);
  const subject = oneLine(certificate.subject, fields.subject);
  const issuer = oneLine(certificate.issuer, fields.issuer);
  const { notBefore, notAfter } = validityOf(certificate);
  const oid = fields.signatureAlgorithm;
  return {
    subject: subject ?? '',
    issuer: issuer ?? '',
    serialNumber: certificate.serialNumber,
    version: fields.version,
    notBefore,
    notAfter,
    key: describeKey(certificate, fields),
    signatureAlgorithm: { name: SIGNATURE_ALGORITHMS.get(oid)?.name ?? oid, oid },
    isCa: certificate.ca,
    ...extensions,
    fingerprint: fingerprint256(certificate),
    spkiPin: spkiPin(certificate),
    isSelfSigned: whetherSelfSigned(certificate, verifies),
    unreadable: [
      ...(subject === undefined ? ['subject'] : []),
      ...(issuer === undefined ? ['issuer'] : []),
      ...(Number.isNaN(notBefore.getTime() + notAfter.getTime()) ? ['validity'] : []),
      ...unreadable,
    ],
  };
}

/**
 * Node.js gives a name with one RDN a line, and `+`, `,`, line breaks and backslashes inside a value
 * escaped (RFC 2253), so that joining the lines cannot make up an RDN. Undefined: it cannot print it.
 */
function oneLine(name: string | undefined, der: Uint8Array): string | undefined {
  const isEmpty = der.length === 2;
  if (name === undefined || (name === '' && !isEmpty)) {
    return isEmpty ? '' : undefined;
  }
  return printable(name.split('\n').join(', '));
}

function describeKey(certificate: X509Certificate, fields: CertificateFields): CertificateKey {
  if (keyBeyondBounds(certificate) !== undefined) return describeHugeKey(fields);
  const key = readableKey(certificate);
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  return {
    type: key?.asymmetricKeyType ?? keyTypeByOid(fields.keyAlgorithm),
    ...(modulusLength === undefined ? {} : { bits: modulusLength }),
    ...(namedCurve === undefined ? {} : { curve: namedCurve }),
  };
}

/** Without making a key of it. */
function describeHugeKey({
  keyAlgorithm,
  subjectPublicKeyInfo,
}: CertificateFields): CertificateKey {
  const type = keyTypeByOid(keyAlgorithm);
  try {
    return type.startsWith('rsa')
      ? { type, bits: rsaSize(subjectPublicKeyInfo).modulus }
      : { type };
  } catch {
    return { type };
  }
}

/** Node.js 22 reads post-quantum keys without naming their type, Node.js 20 does not read them. */
function keyTypeByOid(oid: string): string {
  const known = SIGNATURE_ALGORITHMS.get(oid);
  if (known?.digest === null) {
    return known.name.toLowerCase();
  }
  return KEY_TYPES.get(oid) ?? oid;
}

const KEY_TYPES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.1', 'rsa'],
  ['1.2.840.113549.1.1.10', 'rsa-pss'],
  ['1.2.840.10045.2.1', 'ec'],
  ['1.2.840.10040.4.1', 'dsa'],
]);
