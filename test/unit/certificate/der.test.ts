import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChildren, readElement, readOid } from '../../../src/certificate/der.js';
import { errorOf, oid, tlv } from './support.js';

const read = (hex: string) => {
  const bytes = Buffer.from(hex, 'hex');
  return readElement(bytes, 0, bytes.length);
};

describe('readElement', () => {
  it.each([
    ['0500', { tag: 5, start: 0, content: 2, end: 2 }],
    ['040161', { tag: 4, start: 0, content: 2, end: 3 }],
    [`048180${'00'.repeat(128)}`, { tag: 4, start: 0, content: 3, end: 131 }],
    [`04820100${'00'.repeat(256)}`, { tag: 4, start: 0, content: 4, end: 260 }],
  ])('reads %s', (hex, expected) => {
    expect(read(hex)).toEqual(expected);
  });

  it.each([
    ['', /cut off/],
    ['04', /cut off/],
    ['0402aa', /beyond the data/],
    ['0481', /cut off/],
    ['3080', /indefinite/],
    ['0485ffffffffff', /out of range/],
    ['04810161', /shortest/],
    [`0482007f${'00'.repeat(127)}`, /shortest/],
    ['1f8101', /tag number/],
  ])('refuses %s', (hex, message) => {
    expect(errorOf(() => read(hex))).toMatch(message);
  });

  it('reads back what an encoder wrote, and no cut of it', () => {
    fc.assert(
      fc.property(fc.nat(70_000), (length) => {
        const content = Buffer.alloc(length, 1);
        const bytes = tlv(0x04, content);
        const element = readElement(bytes, 0, bytes.length);
        expect(bytes.subarray(element.content, element.end).equals(content)).toBe(true);
        expect(errorOf(() => readElement(bytes, 0, bytes.length - 1))).toMatch(/Not DER/);
      }),
    );
  });
});

describe('readChildren', () => {
  it('refuses a child that reaches out of its parent', () => {
    const bytes = Buffer.from('3003040261620500', 'hex');
    expect(errorOf(() => readChildren(bytes, readElement(bytes, 0, bytes.length)))).toMatch(
      /beyond the data/,
    );
  });
});

describe('readOid', () => {
  const parse = (bytes: Buffer) => readOid(bytes, readElement(bytes, 0, bytes.length));

  it.each([
    '0.9.2342.1',
    '1.2.840.113549.1.1.11',
    '2.5.29.17',
    '2.16.840.1.101.3.4.3.18',
    '2.999.3',
  ])('reads %s', (dotted) => {
    expect(parse(oid(dotted))).toBe(dotted);
  });

  it.each([
    ['0600', /empty/],
    ['060181', /cut off/],
    ['06028001', /shortest/],
    ['060bffffffffffffffffffff7f', /2\^53/],
    ['0500', /missing or of another type/],
  ])('refuses %s', (hex, message) => {
    expect(errorOf(() => parse(Buffer.from(hex, 'hex')))).toMatch(message);
  });
});
