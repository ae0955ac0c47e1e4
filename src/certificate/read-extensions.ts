import { Buffer } from 'node:buffer';
import type { BaseBlock } from 'asn1js';
import {
  type CertificateFields,
  certificateExtensions,
  type RawExtension,
} from './certificate-fields.js';
import { contentBytes, DER_TAG, expectTag, readChildren, readElement } from './der.js';
import { colonHex, printable } from './printable.js';

/** The names of a subjectAltName extension by kind. */
export interface SubjectAltNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
  /** How many names of other kinds (directory names, user principal names ...) there are. */
  readonly other: number;
}

/** What the extensions say, as far as a description shows it. */
export interface ExtensionFacts {
  subjectAltNames: SubjectAltNames;
  pathLength?: number;
  keyUsages: readonly string[];
  extendedKeyUsages: readonly string[];
  issuerUrls: readonly string[];
  subjectKeyId?: string;
  authorityKeyId?: string;
  /** OIDs of the extensions that are broken or repeated; `extensions` where the list itself is. */
  unreadable: readonly string[];
}

type Asn1 = typeof import('asn1js');
type Pkijs = typeof import('pkijs');
type Decoder = (value: BaseBlock, pkijs: Pkijs, asn1: Asn1) => Partial<ExtensionFacts>;

/**
 * Decodes the extensions that a description shows. Never throws because of the certificate: an
 * extension that does not decode is listed in `unreadable`, and the others are still read.
 *
 * pkijs and asn1js load here, on first use: what only connects does not pay for them.
 */
export async function readExtensions(fields: CertificateFields): Promise<ExtensionFacts> {
  const [pkijs, asn1] = await Promise.all([import('pkijs'), import('asn1js')]);
  const facts: ExtensionFacts = {
    subjectAltNames: { dns: [], ip: [], uri: [], email: [], other: 0 },
    keyUsages: [],
    extendedKeyUsages: [],
    issuerUrls: [],
    unreadable: [],
  };
  let extensions: readonly RawExtension[];
  try {
    extensions = certificateExtensions(fields);
  } catch {
    return { ...facts, unreadable: ['extensions'] };
  }
  // RFC 5280 §4.2: an extension must not be repeated. Showing one of two would hide the other.
  const unreadable = repeatedOids(extensions);
  for (const extension of extensions.filter(({ oid }) => !unreadable.has(oid))) {
    try {
      if (extension.oid === SUBJECT_ALT_NAME) {
        facts.subjectAltNames = subjectAltNames(extension.value);
      }
      const decoder = DECODERS.get(extension.oid);
      if (decoder !== undefined) {
        Object.assign(facts, decoder(decode(extension.value, asn1), pkijs, asn1));
      }
    } catch {
      unreadable.add(extension.oid);
    }
  }
  return { ...facts, unreadable: [...unreadable] };
}

function repeatedOids(extensions: readonly RawExtension[]): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { oid } of extensions) {
    (seen.has(oid) ? repeated : seen).add(oid);
  }
  return repeated;
}

function decode(value: Uint8Array, asn1: Asn1): BaseBlock {
  // Real extensions of these kinds have some dozens of elements at most, and pkijs takes 0.2 ms each.
  const decoded = asn1.fromBER(value, { maxNodes: 1000 });
  if (decoded.offset !== value.length) {
    throw new RangeError('not one element of DER');
  }
  return decoded.result;
}

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['2.5.29.14', (value, _, asn1) => ({ subjectKeyId: octets(value, asn1) })],
  ['2.5.29.15', (value, _, asn1) => ({ keyUsages: keyUsages(value, asn1) })],
  ['2.5.29.19', pathLength],
  ['2.5.29.35', authorityKeyId],
  [
    '2.5.29.37',
    (schema, { ExtKeyUsage }) => ({
      extendedKeyUsages: new ExtKeyUsage({ schema }).keyPurposes.map(
        (oid) => EXTENDED_KEY_USAGES.get(oid) ?? oid,
      ),
    }),
  ],
  [
    '1.3.6.1.5.5.7.1.1',
    (schema, { InfoAccess }) => ({
      issuerUrls: new InfoAccess({ schema }).accessDescriptions
        .filter(({ accessMethod }) => accessMethod === CA_ISSUERS)
        .filter(({ accessLocation }) => accessLocation.type === 6)
        .map(({ accessLocation }) => printable(accessLocation.value)),
    }),
  ],
]);

const SUBJECT_ALT_NAME = '2.5.29.17';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';

/** RFC 5280 §4.2.1.3, in the order of the bits. */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

const EXTENDED_KEY_USAGES: ReadonlyMap<string, string> = new Map([
  ['2.5.29.37.0', 'anyExtendedKeyUsage'],
  ['1.3.6.1.5.5.7.3.1', 'serverAuth'],
  ['1.3.6.1.5.5.7.3.2', 'clientAuth'],
  ['1.3.6.1.5.5.7.3.3', 'codeSigning'],
  ['1.3.6.1.5.5.7.3.4', 'emailProtection'],
  ['1.3.6.1.5.5.7.3.8', 'timeStamping'],
  ['1.3.6.1.5.5.7.3.9', 'OCSPSigning'],
]);

function octets(value: BaseBlock, asn1: Asn1): string {
  if (!(value instanceof asn1.OctetString)) {
    throw new TypeError('not an OCTET STRING');
  }
  return colonHex(value.valueBlock.valueHexView);
}

function keyUsages(value: BaseBlock, asn1: Asn1): readonly string[] {
  if (!(value instanceof asn1.BitString)) {
    throw new TypeError('not a BIT STRING');
  }
  const bytes = value.valueBlock.valueHexView;
  return KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

function pathLength(schema: BaseBlock, { BasicConstraints }: Pkijs): Partial<ExtensionFacts> {
  const { pathLenConstraint } = new BasicConstraints({ schema });
  if (pathLenConstraint === undefined) {
    return {};
  }
  if (typeof pathLenConstraint !== 'number' || pathLenConstraint < 0) {
    throw new RangeError('a path length that is negative or has more than 48 bits');
  }
  return { pathLength: pathLenConstraint };
}

function authorityKeyId(
  schema: BaseBlock,
  { AuthorityKeyIdentifier }: Pkijs,
): Partial<ExtensionFacts> {
  const { keyIdentifier } = new AuthorityKeyIdentifier({ schema });
  return keyIdentifier === undefined
    ? {}
    : { authorityKeyId: colonHex(keyIdentifier.valueBlock.valueHexView) };
}

/**
 * By our own reader: for a hostile certificate with 2048 names pkijs took 410 to 590 ms on Node.js 20,
 * ours 1 to 4, and a gateway must not stand still while it looks at a server's certificate.
 */
function subjectAltNames(bytes: Uint8Array): SubjectAltNames {
  const list = expectTag(readElement(bytes, 0, bytes.length), DER_TAG.sequence, 'a list of names');
  const names = readChildren(bytes, list);
  if (list.end !== bytes.length || names.length === 0) {
    throw new RangeError('a subjectAltName that is empty or not one element of DER');
  }
  // The tags of GeneralName, RFC 5280 §4.2.1.6: context-specific and, for texts, primitive.
  const contents = (tag: number) =>
    names.filter((name) => name.tag === tag).map((name) => contentBytes(bytes, name));
  const texts = (tag: number) =>
    contents(tag).map((text) => printable(Buffer.from(text).toString('latin1')));
  return {
    dns: texts(0x82),
    ip: contents(0x87).map(ipAddress),
    uri: texts(0x86),
    email: texts(0x81),
    other: names.filter((name) => ![0x81, 0x82, 0x86, 0x87].includes(name.tag)).length,
  };
}

function ipAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  if (bytes.length !== 16) {
    throw new RangeError('an IP address of neither 4 nor 16 bytes');
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  // The URL parser writes IPv6 in its canonical form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
