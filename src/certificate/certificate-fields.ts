import {
  contentBytes,
  DER_TAG,
  type DerElement,
  expectTag,
  rawBytes,
  readChildren,
  readElement,
  readOid,
} from './der.js';
import { invalidCertificate } from './invalid-certificate.js';

/** The parts of a certificate that Node.js does not give, as views into its DER. */
export interface CertificateFields {
  /** 1, 2 or 3. */
  readonly version: number;
  /** What the signature covers. */
  readonly tbsCertificate: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** The SubjectPublicKeyInfo: what an SPKI pin hashes. */
  readonly subjectPublicKeyInfo: Uint8Array;
  /** OID of the key's algorithm. */
  readonly keyAlgorithm: string;
  /** OID of the outer signatureAlgorithm. */
  readonly signatureAlgorithm: string;
  /** DER of its parameters, empty when there are none. */
  readonly signatureParameters: Uint8Array;
  readonly signature: Uint8Array;
  /** The explicitly tagged `[3]` with the extensions, not looked into. */
  readonly extensions: Uint8Array | undefined;
}

/** One extension, its value not decoded. */
export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/**
 * Cuts a certificate's DER into its parts (RFC 5280 §4.1), checking the frame only.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function certificateFields(der: Uint8Array): CertificateFields {
  const outer = expectTag(readElement(der, 0, der.length), DER_TAG.sequence, 'the outer sequence');
  if (outer.end !== der.length) {
    invalidCertificate('Data follows after the end of the certificate');
  }
  const [tbsElement, algorithmElement, signatureElement, ...excess] = readChildren(der, outer);
  const tbs = expectTag(tbsElement, DER_TAG.sequence, 'its signed part');
  const algorithm = expectTag(algorithmElement, DER_TAG.sequence, 'its signature algorithm');
  const signature = expectTag(signatureElement, DER_TAG.bitString, 'its signature');
  if (excess.length > 0 || signature.content === signature.end) {
    invalidCertificate('Not a certificate: its frame has parts too many or too few');
  }
  const parts = [...readChildren(der, tbs)];
  const version = parts[0]?.tag === 0xa0 ? readVersion(der, parts.shift()) : 1;
  const [serial, innerAlgorithm, issuer, validity, subject, spki, ...optional] = parts;
  expectTag(serial, DER_TAG.integer, 'its serial number');
  expectTag(innerAlgorithm, DER_TAG.sequence, 'its inner signature algorithm');
  expectTag(validity, DER_TAG.sequence, 'its validity');
  const keyInfo = expectTag(spki, DER_TAG.sequence, 'its public key');
  const keyAlgorithm = expectTag(readChildren(der, keyInfo)[0], DER_TAG.sequence, 'its key type');
  const [algorithmOid, parameters] = readChildren(der, algorithm);
  const extensions = optional.find((element) => element.tag === 0xa3);
  return {
    version,
    tbsCertificate: rawBytes(der, tbs),
    issuer: rawBytes(der, expectTag(issuer, DER_TAG.sequence, 'its issuer')),
    subject: rawBytes(der, expectTag(subject, DER_TAG.sequence, 'its subject')),
    subjectPublicKeyInfo: rawBytes(der, keyInfo),
    keyAlgorithm: readOid(der, readChildren(der, keyAlgorithm)[0]),
    signatureAlgorithm: readOid(der, algorithmOid),
    signatureParameters: parameters === undefined ? new Uint8Array() : rawBytes(der, parameters),
    // The first content octet counts unused bits; a signature has none.
    signature: contentBytes(der, signature).subarray(1),
    extensions: extensions === undefined ? undefined : contentBytes(der, extensions),
  };
}

/** Whether the certificate's frame and its extensions are strict DER, as far as they are looked into. */
export function isDer({ raw }: { readonly raw: Uint8Array }): boolean {
  try {
    certificateExtensions(certificateFields(raw));
    return true;
  } catch {
    return false;
  }
}

/**
 * The extensions of a certificate in their order, values not decoded.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function certificateExtensions(fields: CertificateFields): readonly RawExtension[] {
  const bytes = fields.extensions;
  if (bytes === undefined) {
    return [];
  }
  const list = expectTag(readElement(bytes, 0, bytes.length), DER_TAG.sequence, 'its extensions');
  return readChildren(bytes, list).map((element) => readExtension(bytes, element));
}

function readExtension(bytes: Uint8Array, element: DerElement): RawExtension {
  const parts = readChildren(bytes, expectTag(element, DER_TAG.sequence, 'an extension'));
  const critical = parts[1]?.tag === DER_TAG.boolean ? parts[1] : undefined;
  const value = expectTag(
    parts[critical === undefined ? 1 : 2],
    DER_TAG.octetString,
    "an extension's value",
  );
  return {
    oid: readOid(bytes, parts[0]),
    critical: critical !== undefined && bytes[critical.content] !== 0,
    value: contentBytes(bytes, value),
  };
}

function readVersion(der: Uint8Array, element: DerElement | undefined): number {
  const [number] = element === undefined ? [] : readChildren(der, element);
  const { content, end } = expectTag(number, DER_TAG.integer, 'its version');
  const value = der[content];
  if (end - content !== 1 || value === undefined || value > 2) {
    return invalidCertificate('Not a certificate: its version is none of 1, 2 and 3');
  }
  return value + 1;
}
