import { describe, expect, it } from 'vitest';
import { withoutPrivateKeys } from '../../../src/certificate/without-private-keys.js';
import { readClientCertificate } from '../../../src/trust/client-certificate.js';

const block = (label: string, body = 'AAAA') =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const certificate = block('CERTIFICATE');

describe('withoutPrivateKeys', () => {
  it.each([
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'EC PARAMETERS',
  ])('takes a block of %s out, wherever it stands', (label) => {
    for (const text of [
      `${block(label)}${certificate}`,
      `${certificate}${block(label)}`,
      `before\n${certificate}${block(label)}between\n${certificate}`,
    ]) {
      const rest = withoutPrivateKeys(text);
      expect(rest).not.toContain(label);
      expect(rest).toBe(text.replace(block(label).trimEnd(), ''));
    }
  });

  it.each([
    ['a certificate alone', certificate],
    ['a public key', block('PUBLIC KEY')],
    ['a label that only ends like one', block('NOPRIVATE KEY')],
    ['a block without an END line', '-----BEGIN PRIVATE KEY-----\nAAAA\n'],
    [
      'the END line of another kind',
      '-----BEGIN PRIVATE KEY-----\nAA\n-----END EC PRIVATE KEY-----\n',
    ],
    ['a certificate that begins within it', `-----BEGIN PRIVATE KEY-----\n${certificate}`],
  ])('leaves %s as it is', (_, text) => {
    expect(withoutPrivateKeys(text)).toBe(text);
  });
});

describe('readClientCertificate', () => {
  it.each([
    ['that many keys begin in', '-----BEGIN PRIVATE KEY-----\n', ''],
    ['that ends with another END line', '-----BEGIN PRIVATE KEY-----\n', '-----END X-----\n'],
    ['whose line breaks are written out', '-----BEGIN PRIVATE KEY-----\\n', ''],
    ['of two kinds in turn', `-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n`, ''],
  ])('takes time in proportion to the length of a text %s', (_, unit, end) => {
    const cost = (chars: number): number => {
      const cert = unit.repeat(chars / unit.length) + end;
      const before = process.cpuUsage();
      for (let i = 0; i < 1_000_000 / chars; i++) {
        expect(() => readClientCertificate({ cert, key: 'none' })).toThrow();
      }
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    cost(500);
    // The same million characters in all, in one text and in two thousand.
    expect(cost(1_000_000)).toBeLessThan(3 * cost(500));
  });
});
