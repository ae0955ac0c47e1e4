import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { McpTlsError } from '../../../src/errors.js';

const FOLDER = new URL('../../fixtures/certificates/', import.meta.url);

export const fixtureNames: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.pem'))
  .map((name) => name.slice(0, -'.pem'.length));

export function pemOf(name: string): string {
  return readFileSync(new URL(`${name}.pem`, FOLDER), 'utf8');
}

export function derOf(name: string): Buffer {
  return fromPem(pemOf(name));
}

function fromPem(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64');
}

export function toPemText(der: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** A thrown error of ours as "CODE: message"; anything else is thrown on, and fails the test. */
export function errorOf(action: () => unknown): string {
  try {
    return `no error, but ${String(action())}`;
  } catch (error) {
    if (!(error instanceof McpTlsError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

export function oid(dotted: string): Buffer {
  const [a = 0, b = 0, ...rest] = dotted.split('.').map(Number);
  const arcs = [a * 40 + b, ...rest].map((arc) => {
    const bytes = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      bytes.unshift((left & 0x7f) | 0x80);
    }
    return Buffer.from(bytes);
  });
  return tlv(0x06, ...arcs);
}

/** A Name of common names, one RDN each. Tag 0x0c is UTF8String, 0x13 PrintableString. */
export function name(commonNames: readonly string[], tag = 0x0c): Buffer {
  const rdn = (text: string) =>
    tlv(0x31, tlv(0x30, oid('2.5.4.3'), tlv(tag, Buffer.from(text, 'utf8'))));
  return tlv(0x30, ...commonNames.map(rdn));
}

export function extension(dotted: string, value: Uint8Array): Buffer {
  return tlv(0x30, oid(dotted), tlv(0x04, value));
}

export interface MadeCertificate {
  readonly der: Buffer;
  readonly privateKey: KeyObject;
}

/** A really self-signed P-256 certificate with any defect: the makers of real tools refuse most. */
export function makeCertificate(options: {
  readonly subject?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly signatureOid?: string;
  readonly notBefore?: Uint8Array;
  /** Another key than the one that signs. */
  readonly spki?: Uint8Array;
  /** The first octet of the signature: how many bits at its end do not count. */
  readonly unusedBits?: number;
}): MadeCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const subject = options.subject ?? name(['made']);
  const algorithm = tlv(0x30, oid(options.signatureOid ?? '1.2.840.10045.4.3.2'));
  const extensions = options.extensions ?? [];
  const tbs = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1])),
    algorithm,
    options.issuer ?? subject,
    tlv(
      0x30,
      options.notBefore ?? tlv(0x17, Buffer.from('250101000000Z')),
      tlv(0x18, Buffer.from('20991231235959Z')),
    ),
    subject,
    options.spki ?? publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [tlv(0xa3, tlv(0x30, ...extensions))]),
  );
  const signature = sign('sha256', tbs, privateKey);
  const bits = Buffer.concat([Buffer.from([options.unusedBits ?? 0]), signature]);
  return { der: tlv(0x30, tbs, algorithm, tlv(0x03, bits)), privateKey };
}

/** An RSA key of any size, of which nobody knows the factors. */
export function rsaSpki(bits: number, exponent = Buffer.from([1, 0, 1])): Buffer {
  const modulus = Buffer.concat([Buffer.from([0]), Buffer.alloc(bits / 8, 0xff)]);
  const key = tlv(0x30, tlv(0x02, modulus), tlv(0x02, exponent));
  const algorithm = tlv(0x30, oid('1.2.840.113549.1.1.1'), tlv(0x05));
  return tlv(0x30, algorithm, tlv(0x03, Buffer.from([0]), key));
}
