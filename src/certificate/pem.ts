import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { TlsConfigError } from '../errors.js';
import { certificateFields } from './certificate-fields.js';
import { readElement } from './der.js';
import { derKind } from './der-kind.js';
import { invalidCertificate } from './invalid-certificate.js';
import { hintForKind, otherInput } from './other-input.js';
import { decodeBody, type PemBlock, pemBlocks } from './pem-blocks.js';

/** One or more certificates: PEM as text or bytes, DER as bytes, or a list of these. */
export type PlainPem = string | Uint8Array | readonly (string | Uint8Array)[];

/** Whether it is of the type {@link PlainPem}: what is in it is read by {@link readCertificates}. */
export function isPlainPem(value: unknown): value is PlainPem {
  if (Array.isArray(value)) return value.every((one) => !Array.isArray(one) && isPlainPem(one));
  return typeof value === 'string' || value instanceof Uint8Array;
}

// The largest signature in use, SLH-DSA-256f, has 49,856 bytes; the largest certificate in the test
// corpus, made to be pathological, 106 KB. Unbounded, X509Certificate spends 4.3 s on 64 MB of blanks.
const MAX_ONE_BYTES = 256 * 1024;
// All Mozilla roots together are 0.24 MB.
const MAX_ALL_BYTES = 8 * 1024 * 1024;

/**
 * Reads exactly one certificate: PEM (text or bytes) or DER (bytes).
 *
 * Text around the PEM block is allowed, and so are stray bytes behind DER; anything else beside the
 * certificate is not, and {@link readCertificates} refuses the bytes too. Of a
 * `TRUSTED CERTIFICATE` (OpenSSL's own format) the certificate is read and the trust settings behind
 * it are left aside, as X509Certificate does; {@link readCertificates} refuses them.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`, saying what was found instead; the input is
 * never quoted.
 */
export function readOneCertificate(input: string | Uint8Array): X509Certificate {
  const source = toSource(input, MAX_ONE_BYTES, '256 KiB, the bound for one certificate');
  if (source.der !== undefined) {
    return parseDer(withoutTail(source.der));
  }
  const blocks = pemBlocks(source.text);
  const [block] = blocks;
  if (block === undefined) {
    return nothingFound(source.text);
  }
  if (blocks.length > 1 || block.kind === 'other') {
    invalidCertificate(`Expected one certificate, found ${inventory(blocks)}`);
  }
  return parseBlock(block, true);
}

/**
 * Reads one or more certificates, meant as trust anchors: order kept, exact duplicates dropped, and
 * nothing ignored. A private key, a broken block after a good one, an empty list item or an OpenSSL
 * trust setting is an error, since Node.js would go on without a word.
 *
 * @param parsed one that may be among them, not to be parsed again
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function readCertificates(
  input: PlainPem,
  parsed?: X509Certificate,
): readonly X509Certificate[] {
  if (!Array.isArray(input)) {
    return withoutDuplicates(readBundle(input as string | Uint8Array, MAX_ALL_BYTES));
  }
  if (input.length === 0) {
    invalidCertificate('Expected at least one certificate, found an empty list');
  }
  let left = MAX_ALL_BYTES;
  // As we write it, and nothing else: any other text may hold more than a certificate.
  const parsedText = parsed && textOf(parsed);
  const certificates = input.flatMap((item: string | Uint8Array, index) => {
    try {
      const found = parsed && item === parsedText ? [parsed] : readBundle(item, left);
      left -= item.length;
      return found;
    } catch (error) {
      const message = error instanceof TlsConfigError ? error.message : String(error);
      return invalidCertificate(`Item ${index + 1} of ${input.length}: ${message}`, error);
    }
  });
  return withoutDuplicates(certificates);
}

/** Of those that are read again and again, as that of an authority in the records of its servers is. */
const texts = new WeakMap<X509Certificate, string>();

function textOf(certificate: X509Certificate): string {
  const before = texts.get(certificate);
  if (before !== undefined) return before;
  const text = toPem(certificate);
  texts.set(certificate, text);
  return text;
}

/** The certificate as PEM, 64 characters a line, with a line break at the end. */
export function toPem(certificate: X509Certificate): string {
  return pemOf(certificate.raw);
}

function readBundle(input: string | Uint8Array, maxBytes: number): X509Certificate[] {
  const source = toSource(input, maxBytes, '8 MiB, the bound for all certificates together');
  if (source.der !== undefined) {
    return [parseDer(source.der)];
  }
  const blocks = pemBlocks(source.text);
  if (blocks.length === 0) {
    nothingFound(source.text);
  }
  if (blocks.some((block) => block.kind === 'other')) {
    invalidCertificate(`Expected nothing but certificates, found ${inventory(blocks)}`);
  }
  return blocks.map((block, index) => {
    try {
      return parseBlock(block, false);
    } catch (error) {
      const message = error instanceof TlsConfigError ? error.message : String(error);
      return invalidCertificate(`PEM block ${index + 1} of ${blocks.length}: ${message}`, error);
    }
  });
}

type Source =
  | { readonly der: Uint8Array; readonly text?: never }
  | { readonly der?: never; readonly text: string };

function toSource(input: string | Uint8Array, maxBytes: number, bound: string): Source {
  // isView, not instanceof: test runners hand over arrays from another realm.
  if (typeof input !== 'string' && !ArrayBuffer.isView(input)) {
    invalidCertificate('Expected a certificate as a string or a Uint8Array');
  }
  const length = typeof input === 'string' ? input.length : input.byteLength;
  if (length === 0) {
    invalidCertificate('Expected a certificate, found nothing: the input is empty');
  }
  if (length > maxBytes) {
    invalidCertificate(`Expected a certificate, found ${length} bytes: more than ${bound}`);
  }
  if (typeof input === 'string') {
    return { text: input };
  }
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  // A SEQUENCE whose length takes more than one octet, as every certificate's does, and no text's: the
  // second byte is not ASCII. Shorter DER can only be a key or the like; then the message says so.
  if (bytes[0] === 0x30 && ((bytes[1] ?? 0) >= 0x80 || derKind(bytes) !== undefined)) {
    return { der: Uint8Array.from(bytes) };
  }
  const hasBom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return { text: bytes.toString('latin1', hasBom ? 3 : 0) };
}

function nothingFound(text: string): never {
  const { what, hint } = otherInput(text);
  const asWhat = what.startsWith('other binary') ? 'a certificate as PEM or DER' : 'a certificate';
  return invalidCertificate(`Expected ${asWhat}, found ${what}`, undefined, hint);
}

/** "2 certificates and a private key". Kinds only; the labels of unknown blocks are not shown. */
function inventory(blocks: readonly PemBlock[]): string {
  const certificates = blocks.filter((block) => block.kind !== 'other').length;
  const others = blocks.filter((block) => block.kind === 'other').map((block) => block.what);
  const counted = certificates === 1 ? ['a certificate'] : [`${certificates} certificates`];
  return [...(certificates === 0 ? [] : counted), ...new Set(others)].join(' and ');
}

function parseBlock(block: PemBlock, ignoreTrustSettings: boolean): X509Certificate {
  const bytes = decodeBody(block);
  if (block.kind !== 'trusted certificate') {
    return parseDer(bytes);
  }
  const certificate = readElement(bytes, 0, bytes.length);
  if (certificate.end === bytes.length) {
    return parseDer(bytes);
  }
  if (!ignoreTrustSettings) {
    invalidCertificate(
      'An OpenSSL TRUSTED CERTIFICATE, whose trust settings would be ignored: convert it with "openssl x509 -in FILE -out PLAIN"',
    );
  }
  const settings = readElement(bytes, certificate.end, bytes.length);
  if (settings.tag !== 0x30 || settings.end !== bytes.length) {
    invalidCertificate('Data follows after the end of the certificate');
  }
  return parseDer(bytes.subarray(0, certificate.end));
}

/**
 * Files of DER get a line break or padding at their end, and OpenSSL reads no further than the
 * certificate. Only where a second structure follows is it left on, to be refused as no single one.
 */
function withoutTail(der: Uint8Array): Uint8Array {
  try {
    const { end } = readElement(der, 0, der.length);
    return end < der.length && der[end] !== 0x30 ? der.subarray(0, end) : der;
  } catch {
    return der;
  }
}

function parseDer(der: Uint8Array): X509Certificate {
  const kind = derKind(der);
  if (kind !== undefined) {
    invalidCertificate(`Expected a certificate, found ${kind}`, undefined, hintForKind(kind));
  }
  if (der.length > MAX_ONE_BYTES) {
    invalidCertificate('A certificate of more than 256 KiB');
  }
  certificateFields(der);
  let certificate: X509Certificate;
  try {
    certificate = fromDer(der);
  } catch (error) {
    return invalidCertificate('Not a certificate: OpenSSL cannot parse it', error);
  }
  if (!certificate.raw.equals(der)) {
    invalidCertificate('A certificate in BER, not DER: its fingerprint would be ambiguous');
  }
  return certificate;
}

/**
 * Parses DER that is known to be a certificate. As PEM of our own making: given DER, Node.js looks for a
 * PEM block inside it first, and would read the certificate that a hostile one carries in a comment.
 */
export function fromDer(der: Uint8Array): X509Certificate {
  return new X509Certificate(pemOf(der));
}

/** DER of a certificate as PEM. */
export function pemOf(der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.length).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function withoutDuplicates(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  if (certificates.length === 1) return certificates;
  return [...new Map(certificates.map((one) => [one.fingerprint256, one])).values()];
}
