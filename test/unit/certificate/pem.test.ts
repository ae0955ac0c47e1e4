import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCertificates, readOneCertificate, toPem } from '../../../src/certificate/pem.js';
import {
  derOf,
  errorOf,
  extension,
  fixtureNames,
  makeCertificate,
  pemOf,
  tlv,
  toPemText,
} from './support.js';

const a = pemOf('alg_p256');
const b = pemOf('leaf');
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
const trustSettings = tlv(0x30, tlv(0x30, tlv(0x06, Buffer.from([0x55, 0x1d, 0x25, 0]))));
const trusted = toPemText(Buffer.concat([derOf('alg_p256'), trustSettings]), 'TRUSTED CERTIFICATE');
const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256;
const brokenBase64 = a.replace(/\n./, '\n*');

describe('readOneCertificate', () => {
  it.each([
    ['plain PEM', a],
    ['no line break at the end', a.trimEnd()],
    ['CRLF', a.replaceAll('\n', '\r\n')],
    ['CR', a.replaceAll('\n', '\r')],
    ['a BOM', `\uFEFF${a}`],
    ['a BOM in bytes', Buffer.from(`\uFEFF${a}`)],
    ['indented lines', a.replaceAll('\n', '\n    ').replace(/^/, '    ')],
    ['blank lines', a.replaceAll('\n', '\n\n')],
    ['one long line', a.replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '')],
    ['openssl -text before it', `Certificate:\n    Data:\n        Version: 3 (0x2)\n${a}`],
    [
      'bag attributes around it',
      `Bag Attributes\n    friendlyName: x\nsubject=CN = x\n${a}---\nDONE\n`,
    ],
    ['X509 CERTIFICATE', a.replaceAll(' CERT', ' X509 CERT')],
    ['TRUSTED CERTIFICATE', trusted],
    ['TRUSTED CERTIFICATE without settings', a.replaceAll(' CERT', ' TRUSTED CERT')],
    ['bytes', Buffer.from(a)],
    ['DER', derOf('alg_p256')],
    ['DER as a view into a larger buffer', shifted(derOf('alg_p256'))],
    ['DER and a line break', Buffer.concat([derOf('alg_p256'), Buffer.from('\n')])],
  ])('reads %s', (_, input) => {
    expect(readOneCertificate(input).fingerprint256).toBe(fingerprintOf(a));
  });

  it.each([
    ['an empty string', '', /empty/],
    ['no bytes', new Uint8Array(), /empty/],
    ['white space', ' \n\t\n', /white space/],
    ['text', 'hello', /without a PEM block/],
    ['UTF-16', Buffer.from(`\uFEFF${a}`, 'utf16le'), /UTF-16/],
    ['null', null, /string or a Uint8Array/],
    ['a list', [a], /string or a Uint8Array/],
    ['a private key', key, /found a private key/],
    ['an old-style private key', sec1, /found a private key/],
    [
      'a private key in DER',
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      /found a private key/,
    ],
    ['an encrypted key', key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), /found a private key/],
    [
      'a private key labelled as a certificate',
      toPemText(privateKey.export({ type: 'pkcs8', format: 'der' })),
      /found a private key/,
    ],
    [
      'a public key labelled as a certificate',
      toPemText(
        new X509Certificate(pemOf('alg_rsa2048')).publicKey.export({ type: 'spki', format: 'der' }),
      ),
      /found a public key/,
    ],
    ['a CSR', toPemText(Buffer.from([0x30, 0]), 'CERTIFICATE REQUEST'), /signing request/],
    ['a CRL', toPemText(Buffer.from([0x30, 0]), 'X509 CRL'), /revocation list/],
    ['PKCS #7', toPemText(Buffer.from([0x30, 0]), 'PKCS7'), /PKCS #7/],
    [
      'another block',
      toPemText(Buffer.from([0x30, 0]), 'SECRET THING'),
      /a PEM block of another kind/,
    ],
    ['two certificates', a + b, /found 2 certificates/],
    ['the same one twice', a + a, /found 2 certificates/],
    ['a certificate and its key', a + key, /a certificate and a private key/],
    ['a key, then a certificate', key + a, /a certificate and a private key/],
    ['a broken block', brokenBase64, /base64 is damaged/],
    ['padding in the middle', a.replace(/\n.{4}/, '\nAA=='), /base64 is damaged/],
    ['an empty block', toPemText(new Uint8Array()), /empty/],
    ['header lines', a.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'), /header lines/],
    ['no END line', a.replace(/-----END.*/, ''), /END line is missing/],
    ['another END line', a.replace('END CERT', 'END X509 CERT'), /same label/],
    ['no BEGIN line', a.replace(/-----BEGIN.*/, ''), /BEGIN line is missing/],
    ['four dashes', a.replace('-----BEGIN', '----BEGIN'), /BEGIN or END line is damaged/],
    ['four dashes everywhere', a.replaceAll('-----', '----'), /BEGIN or END line is damaged/],
    ['one line in all', a.replaceAll('\n', ' '), /line of its own/],
    ['literal \\n', a.replaceAll('\n', '\\n'), /backslash and n/],
    ['two DERs', Buffer.concat([derOf('alg_p256'), derOf('leaf')]), /Data follows/],
    [
      'a byte after the DER in a PEM',
      toPemText(Buffer.concat([derOf('alg_p256'), Buffer.from([0])])),
      /Data follows/,
    ],
    [
      'junk after trust settings',
      toPemText(Buffer.concat([derOf('alg_p256'), Buffer.from([5, 0])]), 'TRUSTED CERTIFICATE'),
      /Data follows/,
    ],
    ['a cut DER', derOf('alg_p256').subarray(0, -1), /cut off/],
    ['an indefinite length', indefinite(derOf('alg_p256')), /indefinite/],
    ['a SEQUENCE of something', tlv(0x30, tlv(0x04, Buffer.alloc(200))), /Not a certificate/],
    ['PKCS #12', tlv(0x30, tlv(2, Buffer.from([3])), tlv(0x30, Buffer.alloc(200))), /PKCS #12/],
    ['257 KiB', Buffer.alloc(257 * 1024, 0x30), /more than 256 KiB/],
  ])('refuses %s and says what it found', (_, input, message) => {
    const error = errorOf(() => readOneCertificate(input as string));
    expect(error).toMatch(/^MCP_TLS_INVALID_CERTIFICATE: /);
    expect(error).toMatch(message);
  });

  it('reads the certificate itself, not one hidden in it', () => {
    const decoy = Buffer.from(`\n${a}`);
    const { der } = makeCertificate({ extensions: [extension('2.16.840.1.113730.1.13', decoy)] });
    // What Node.js does with the same bytes: it looks for PEM first.
    expect(new X509Certificate(der).fingerprint256).toBe(fingerprintOf(a));
    expect(readOneCertificate(der).raw.equals(der)).toBe(true);
    expect(readOneCertificate(toPemText(der)).raw.equals(der)).toBe(true);
  });

  it('refuses a certificate that OpenSSL would encode in other bytes', () => {
    const { der } = makeCertificate({ unusedBits: 7 });
    const message = /in BER, not DER/;
    expect(errorOf(() => readOneCertificate(tidy(der)))).not.toMatch(message);
    expect(errorOf(() => readOneCertificate(stray(der)))).toMatch(message);
  });

  it.each([
    ['64 MB of newlines', () => '\n'.repeat(64e6)],
    ['64 MB of newlines in bytes', () => Buffer.alloc(64e6, 10)],
    ['64 MB of dashes', () => '-'.repeat(64e6)],
  ])('refuses %s in under 50 ms', (_, make) => {
    const input = make();
    // The best of three: one alone also measures whatever else the machine is doing.
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      expect(errorOf(() => readOneCertificate(input))).toMatch(/more than 256 KiB/);
      expect(errorOf(() => readCertificates(input))).toMatch(/more than 8 MiB/);
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it('takes linear time up to the bound', () => {
    for (const unit of [
      '\n',
      '-',
      ' ',
      '-----BEGIN X',
      '=',
      'A',
      '\r',
      ':',
      '-----BEGIN CERTIFICATE-----\n',
    ]) {
      // CPU time: what else the machine does is no part of it.
      const start = process.cpuUsage();
      errorOf(() => readOneCertificate(unit.repeat(Math.floor((256 * 1024) / unit.length))));
      expect(process.cpuUsage(start).user / 1_000).toBeLessThan(200);
    }
  });

  it('never quotes its input', () => {
    const secret = 'S3cretS3cretS3cret';
    const body = Buffer.from(secret).toString('base64');
    fc.assert(
      fc.property(
        fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', secret, `${secret} PRIVATE KEY`, 'X509 CRL'),
        fc.constantFrom(secret, body, `x: ${secret}`, a + key, key + secret, `${a}${secret}`),
        fc.constantFrom('', '-----', `-----${secret}`, `\n-----END ${secret}-----`),
        (label, content, tail) => {
          const input = `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----${tail}`;
          for (const error of [
            errorOf(() => readOneCertificate(input)),
            errorOf(() => readOneCertificate(Buffer.from(input))),
            errorOf(() => readCertificates([input])),
          ]) {
            expect(error).toMatch(/^MCP_TLS_INVALID_CERTIFICATE: /);
            expect(error).not.toContain(secret);
            expect(error).not.toContain(body);
            expect(error).not.toContain(key.slice(40, 60));
          }
        },
      ),
    );
  });
});

describe('readCertificates', () => {
  const prints = (input: Parameters<typeof readCertificates>[0]) =>
    readCertificates(input).map((one) => one.fingerprint256);
  const [first, second] = [fingerprintOf(a), fingerprintOf(b)];

  it.each([
    ['one PEM', a, [first]],
    ['one DER', derOf('leaf'), [second]],
    ['a bundle, in its order', `# roots\n${b}\n# more\n${a}`, [second, first]],
    ['a list of bundles and DER', [a, derOf('leaf')], [first, second]],
    ['duplicates', [a + b, a, derOf('leaf')], [first, second]],
  ])('reads %s', (_, input, expected) => {
    expect(prints(input)).toEqual(expected);
  });

  it.each([
    ['an empty string', '', /empty/],
    ['white space', ' \n', /white space/],
    ['an empty list', [], /empty list/],
    ['an empty item', [a, ''], /^MCP_TLS_INVALID_CERTIFICATE: Item 2 of 2: .*empty/],
    ['text', 'garbage', /without a PEM block/],
    ['a text item', [a, 'garbage'], /Item 2 of 2/],
    ['a key in the bundle', a + key + b, /2 certificates and a private key/],
    ['a CRL in the bundle', a + toPemText(Buffer.from([0x30, 0]), 'X509 CRL'), /revocation list/],
    ['a broken block after a good one', b + brokenBase64, /PEM block 2 of 2: .*damaged/],
    ['a block that is no certificate', b + toPemText(Buffer.from([0x30, 0])), /PEM block 2 of 2/],
    ['a cut block after a good one', b + a.slice(0, -10), /not closed|cut off/],
    ['a mangled BEGIN after a good one', b + a.replace('-----BEGIN', '---BEGIN'), /damaged/],
    ['a mangled BEGIN and END', b + a.replaceAll('-----', '--'), /damaged/],
    ['trust settings', trusted, /TRUSTED CERTIFICATE/],
    ['DER and a line break', Buffer.concat([derOf('leaf'), Buffer.from('\n')]), /Data follows/],
    ['null', null, /string or a Uint8Array/],
    ['a nested list', [[a]], /Item 1 of 1: .*string or a Uint8Array/],
    ['more than 8 MiB in all', Array(9).fill(a + '#'.repeat(1 << 20)), /Item 8 of 9: .*8 MiB/],
  ])('refuses %s', (_, input, message) => {
    const error = errorOf(() => readCertificates(input as string));
    expect(error).toMatch(/^MCP_TLS_INVALID_CERTIFICATE: /);
    expect(error).toMatch(message);
  });
});

describe('toPem', () => {
  it.each(fixtureNames)('gives %s back', (fixture) => {
    const pem = toPem(readOneCertificate(pemOf(fixture)));
    expect(fingerprintOf(pem)).toBe(fingerprintOf(pemOf(fixture)));
    expect(pem).toBe(new X509Certificate(pemOf(fixture)).toString());
  });
});

function shifted(bytes: Buffer): Uint8Array {
  const larger = new Uint8Array(bytes.length + 20).fill(0x41);
  larger.set(bytes, 10);
  return larger.subarray(10, 10 + bytes.length);
}

function indefinite(der: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(4), Buffer.from([0, 0])]);
}

/** The last octet of the signature, whose lower seven bits do not count: all clear, or one set. */
function tidy(der: Buffer): Buffer {
  return Buffer.concat([der.subarray(0, -1), Buffer.from([0x80])]);
}

function stray(der: Buffer): Buffer {
  return Buffer.concat([der.subarray(0, -1), Buffer.from([0x81])]);
}
