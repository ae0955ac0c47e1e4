import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { invalidArgument } from '../assert.js';
import {
  bitString,
  boolean,
  children,
  contextConstructed,
  contextPrimitive,
  type Der,
  integer,
  objectIdentifier,
  octetString,
  sequence,
} from './der.js';

/** Bits of the keyUsage extension, in the order of RFC 5280 §4.2.1.3. */
export const KEY_USAGES = [
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
/** A bit of the extension keyUsage (RFC 5280, 4.2.1.3). */
export type KeyUsage = (typeof KEY_USAGES)[number];

const PURPOSES: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
  anyExtendedKeyUsage: '2.5.29.37.0',
};
/** A purpose by name, or any other by its object identifier. */
export type ExtendedKeyUsage =
  | 'serverAuth'
  | 'clientAuth'
  | 'codeSigning'
  | 'emailProtection'
  | 'timeStamping'
  | 'OCSPSigning'
  | 'anyExtendedKeyUsage'
  | `${number}.${string}`;

/** Names that a certificate carries, or may carry. IP addresses are IPv4 or IPv6 text. */
export interface AlternativeNames {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
}

/** DNS subtrees that a CA may (or may not) issue for, such as `example.com`. */
export interface NameConstraints {
  permittedDns?: readonly string[];
  excludedDns?: readonly string[];
}

export function basicConstraints(ca: boolean, pathLength: number | undefined): Der {
  const content = ca ? [boolean(true)] : [];
  if (pathLength !== undefined) content.push(integer(BigInt(pathLength)));
  return extension('2.5.29.19', sequence(...content), ca);
}

export function keyUsage(usages: readonly KeyUsage[]): Der {
  const bits = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const highest = Math.max(...bits);
  const octets = new Uint8Array(Math.floor(highest / 8) + 1);
  for (const bit of bits) {
    octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  // DER drops the trailing zero bits of a named bit list (X.690 §11.2.2).
  return extension('2.5.29.15', bitString(octets, 7 - (highest & 7)), true);
}

export function extendedKeyUsage(purposes: readonly ExtendedKeyUsage[]): Der {
  const oids = purposes.map((purpose) => objectIdentifier(PURPOSES[purpose] ?? purpose));
  return extension('2.5.29.37', sequence(...oids));
}

export function subjectAlternativeName(names: AlternativeNames, critical: boolean): Der {
  const encoded = [
    ...(names.dns ?? []).map((name) => contextPrimitive(2, ascii('dns', name))),
    ...(names.uri ?? []).map((uri) => contextPrimitive(6, ascii('uri', uri))),
    ...(names.ip ?? []).map((ip) => contextPrimitive(7, ipOctets(ip))),
  ];
  return extension('2.5.29.17', sequence(...encoded), critical);
}

export function nameConstraints({ excludedDns, permittedDns }: NameConstraints): Der {
  const subtrees = (tag: number, field: string, names: readonly string[] = []): Der[] =>
    names.length === 0
      ? []
      : [
          contextConstructed(
            tag,
            ...names.map((name) => sequence(contextPrimitive(2, ascii(field, name)))),
          ),
        ];
  const content = [
    ...subtrees(0, 'nameConstraints.permittedDns', permittedDns),
    ...subtrees(1, 'nameConstraints.excludedDns', excludedDns),
  ];
  return extension('2.5.29.30', sequence(...content), true);
}

/** Authority Information Access: where the issuer's certificate can be fetched. */
export function caIssuers(urls: readonly string[]): Der {
  const method = objectIdentifier('1.3.6.1.5.5.7.48.2');
  const entries = urls.map((url) =>
    sequence(method, contextPrimitive(6, ascii('issuerUrls', url))),
  );
  return extension('1.3.6.1.5.5.7.1.1', sequence(...entries));
}

export function subjectKeyIdentifier(keyId: Uint8Array): Der {
  return extension('2.5.29.14', octetString(keyId));
}

export function authorityKeyIdentifier(keyId: Uint8Array): Der {
  return extension('2.5.29.35', sequence(contextPrimitive(0, keyId)));
}

/** A critical extension that no verifier knows; RFC 5280 §4.2 demands that it refuses. */
export function unknownCriticalExtension(): Der {
  // Arc 1.3.6.1.4.1.55555 is a placeholder: nothing defines it.
  return extension('1.3.6.1.4.1.55555.1', octetString(Buffer.from('unknown')), true);
}

/** SHA-1 over the public key's bits, the usual key identifier (RFC 5280 §4.2.1.2, method 1). */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const bits = children(spki)[1];
  if (bits === undefined) invalidArgument('not a SubjectPublicKeyInfo');
  // Tag, length of the length, and the octet that counts unused bits come before the key itself.
  const first = bits[1] ?? 0;
  const header = 2 + (first < 0x80 ? 0 : first & 0x7f) + 1;
  return createHash('sha1').update(bits.subarray(header)).digest();
}

function extension(oid: string, value: Der, critical = false): Der {
  return critical
    ? sequence(objectIdentifier(oid), boolean(true), octetString(value))
    : sequence(objectIdentifier(oid), octetString(value));
}

/** NUL and other control characters stay possible: they are an attack worth testing. */
function ascii(what: string, value: string): Uint8Array {
  for (const character of value) {
    if (character > '\u007f') {
      invalidArgument(`${what}: '${value}' is not ASCII; write an international name as xn--...`);
    }
  }
  return Buffer.from(value, 'latin1');
}

function ipOctets(ip: string): Uint8Array {
  const version = isIP(ip);
  if (version === 4) return Uint8Array.from(ip.split('.'), Number);
  if (version !== 6 || ip.includes('%')) invalidArgument(`ip: '${ip}' is not an IP address`);
  // The URL parser turns a dotted tail into hexadecimal groups, so that one form is left to expand.
  const plain = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - left.length - right.length).fill('0');
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
