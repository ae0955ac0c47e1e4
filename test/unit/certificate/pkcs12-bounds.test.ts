import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { checkTrust } from '../../../src/core.js';

/** Files that cost more than they are worth: each is refused before the work that it asks for is done. */

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x84]), length, content]);
}
const sequence = (...parts: readonly Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(6, Buffer.from(hex, 'hex'));
const octets = (bytes: Buffer) => tlv(4, bytes);
const wrapped = (part: Buffer) => tlv(0xa0, part);
function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUIntBE(value, 0, 5);
  return tlv(2, bytes);
}

const data = (content: Buffer) => sequence(oid('2a864886f70d010701'), wrapped(octets(content)));
const bag = (kind: string, value: Buffer) =>
  sequence(oid(`2a864886f70d010c0a01${kind}`), wrapped(value));
const NO_SAFES = sequence();

function file(safes: Buffer, mac?: Buffer): Buffer {
  return sequence(integer(3), data(safes), ...(mac === undefined ? [] : [mac]));
}

function macOf(digest: number, salt: number, rounds: number): Buffer {
  const info = sequence(sequence(oid('2b0e03021a')), octets(Buffer.alloc(digest)));
  return sequence(info, octets(Buffer.alloc(salt)), integer(rounds));
}

function keyBag(rounds: number): Buffer {
  const algorithm = sequence(
    oid('2a864886f70d010c0103'),
    sequence(octets(Buffer.alloc(8)), integer(rounds)),
  );
  return bag('02', sequence(algorithm, octets(Buffer.alloc(16))));
}

const manyCertificates = () => {
  const certificate = sequence(oid('2a864886f70d01091601'), wrapped(octets(Buffer.alloc(8))));
  return sequence(data(sequence(...Array.from({ length: 200 }, () => bag('03', certificate)))));
};

const cases: readonly (readonly [name: string, pfx: () => Buffer, message: string])[] = [
  ['a checksum of 500,000 rounds', () => file(NO_SAFES, macOf(20, 8, 500_000)), 'more rounds'],
  ['a checksum as long as a file', () => file(NO_SAFES, macOf(170_000, 8, 1)), 'not a PKCS #12'],
  ['a salt as long as a file', () => file(NO_SAFES, macOf(20, 170_000, 1)), 'not a PKCS #12'],
  [
    'several keys, each of as many rounds as one may have',
    () => file(sequence(data(sequence(keyBag(300_000), keyBag(300_000))))),
    'more rounds',
  ],
  ['200 certificates', () => file(manyCertificates()), 'more than 32 certificates'],
];

describe('a PKCS #12 file', () => {
  it.each(cases)('with %s is refused without the work', (_name, pfx, message) => {
    const before = process.cpuUsage();
    const read = () =>
      checkTrust({ roots: 'default', clientCertificate: { pfx: pfx(), passphrase: 'x' } });
    expect(read).toThrow(message);
    const { user, system } = process.cpuUsage(before);
    // Some microseconds; without a bound, seconds.
    expect(user + system).toBeLessThan(1_000_000);
  });
});
