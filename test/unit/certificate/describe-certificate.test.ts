import { X509Certificate } from 'node:crypto';
import { expect, it, describe as suite } from 'vitest';
import { describe, describeCertificate } from '../../../src/certificate/describe-certificate.js';
import { formatCertificate } from '../../../src/certificate/format-certificate.js';
import { isSelfSignedPem } from '../../../src/certificate/is-self-signed-pem.js';
import {
  derOf,
  extension,
  fixtureNames,
  makeCertificate,
  name,
  oid,
  pemOf,
  rsaSpki,
  tlv,
} from './support.js';

const SAN = '2.5.29.17';
const ascii = (text: string) => Buffer.from(text, 'latin1');
const made = (...extensions: Buffer[]) => describeCertificate(makeCertificate({ extensions }).der);

function decisionOf(der: Buffer): boolean | undefined {
  try {
    return isSelfSignedPem(der);
  } catch (error) {
    expect(error).toMatchObject({ code: 'MCP_TLS_UNSUPPORTED_ALGORITHM' });
    return undefined;
  }
}

suite('describeCertificate', () => {
  it('describes a leaf', async () => {
    expect(await describeCertificate(pemOf('leaf'))).toEqual({
      subject: 'CN=leaf',
      issuer: 'CN=Private Inter',
      subjectAltNames: {
        dns: ['localhost'],
        ip: ['127.0.0.1', '::1'],
        uri: [],
        email: [],
        other: 0,
      },
      serialNumber: '3155F51B523F35D98C63B635C2AE405772EB0CC5',
      version: 3,
      notBefore: new Date('2026-11-21T14:33:13Z'),
      notAfter: new Date('2036-11-19T14:33:13Z'),
      key: { type: 'ec', curve: 'prime256v1' },
      signatureAlgorithm: { name: 'ECDSA with SHA-256', oid: '1.2.840.10045.4.3.2' },
      isCa: false,
      keyUsages: [],
      extendedKeyUsages: ['serverAuth'],
      issuerUrls: [],
      fingerprint:
        'EF:15:9A:2D:E3:11:56:7E:4A:9B:69:AC:AF:05:5E:92:48:D2:4C:D9:DE:FF:AC:58:39:AA:1D:47:B6:CB:97:D6',
      spkiPin: 'sha256/c/ZTH1z+C4r+zjwNmMM94JcMQCCH+k9ZP23GcHhItvQ=',
      isSelfSigned: false,
      unreadable: [],
    });
  });

  it.each(fixtureNames)(
    'describes %s with nothing unreadable, as Node.js sees it',
    async (fixture) => {
      const certificate = new X509Certificate(pemOf(fixture));
      const description = await describe(certificate);
      expect(description).toEqual(await describeCertificate(pemOf(fixture)));
      expect(description.unreadable).toEqual([]);
      expect(description.notAfter).toEqual(new Date(certificate.validTo));
      expect(description.fingerprint).toBe(certificate.fingerprint256);
      expect(JSON.parse(JSON.stringify(description)).subject).toBe(description.subject);
    },
  );

  it.each([
    ['v1', { version: 1, isCa: false, isSelfSigned: true }],
    ['v3_ca_true_pl0', { version: 3, isCa: true, pathLength: 0 }],
    ['v3_ku_kcs_only', { keyUsages: ['keyCertSign', 'cRLSign'] }],
    ['eku_client', { extendedKeyUsages: ['clientAuth'] }],
    ['alg_rsa2048', { key: { type: 'rsa', bits: 2048 } }],
    ['alg_secp256k1', { key: { type: 'ec', curve: 'secp256k1' } }],
    ['alg_bp384', { key: { type: 'ec', curve: 'brainpoolP384r1' } }],
    ['alg_ml-dsa-65', { key: { type: 'ml-dsa-65' } }],
    [
      'alg_rsapss2048',
      { signatureAlgorithm: { name: 'RSASSA-PSS', oid: '1.2.840.113549.1.1.10' } },
    ],
    ['alg_md5', { signatureAlgorithm: { name: 'RSA with MD5', oid: '1.2.840.113549.1.1.4' } }],
  ])('sees what is special about %s', async (fixture, expected) => {
    expect(await describeCertificate(pemOf(fixture))).toMatchObject(expected);
  });

  it('says of every certificate that it is self-signed where isSelfSignedPem does, and of no other', async () => {
    const damaged = fixtureNames.map((fixture) => {
      const der = derOf(fixture);
      der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1);
      return der;
    });
    // Exponents that take 10 ms and more to verify, below and above the size at which OpenSSL refuses.
    const slow = [2048, 4096].flatMap((bits) => {
      const spki = rsaSpki(bits, Buffer.alloc(9, 1));
      const rsa = { spki, signatureOid: '1.2.840.113549.1.1.11' };
      return [rsa, { ...rsa, issuer: name(['another']) }].map(
        (options) => makeCertificate(options).der,
      );
    });
    const all = [...fixtureNames.map(derOf), ...damaged, ...slow];
    const described = await Promise.all(all.map(async (der) => describeCertificate(der)));
    expect(described.map(({ isSelfSigned }) => isSelfSigned)).toEqual(all.map(decisionOf));
    expect(all.slice(-4).map(decisionOf)).toEqual([undefined, false, undefined, false]);
  });

  it('lets no name forge a line or hide a character', async () => {
    const subject = name(['a\nCN=admin, O=\u202Eevil\u001B[2J\u0000', 'b+c']);
    const san = tlv(0x30, tlv(0x82, ascii('x\r\ny\0z')), tlv(0x86, ascii('http://\x1b[2J\x9b')));
    const { der } = makeCertificate({ subject, extensions: [extension(SAN, san)] });
    const description = await describeCertificate(der);
    expect(description.subject).toBe(
      'CN=a\\0ACN\\=admin\\, O\\=\\u{202e}evil\\1B[2J\\00, CN=b\\+c'.replaceAll('\\=', '='),
    );
    expect(description.subjectAltNames.dns).toEqual(['x\\u{d}\\u{a}y\\u{0}z']);
    expect(description.subjectAltNames.uri).toEqual(['http://\\u{1b}[2J\\u{9b}']);
    for (const line of formatCertificate(description).split('\n')) {
      expect(line).toMatch(/^[A-Z][A-Za-z ]+ {2}[\x20-\x7e]+$/);
    }
  });

  it('reads every kind of subjectAltName', async () => {
    const san = tlv(
      0x30,
      tlv(0x81, ascii('a@example')),
      tlv(0x82, ascii('*.example')),
      tlv(0x86, ascii('spiffe://a/b')),
      tlv(0x87, Buffer.from([10, 0, 0, 5])),
      tlv(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
      tlv(0xa4, name(['x'])),
      tlv(0x88, Buffer.from([0x2a, 3])),
    );
    expect((await made(extension(SAN, san))).subjectAltNames).toEqual({
      dns: ['*.example'],
      ip: ['10.0.0.5', '2001:db8::1'],
      uri: ['spiffe://a/b'],
      email: ['a@example'],
      other: 2,
    });
  });

  it('reads key identifiers, issuer URLs and unknown usages', async () => {
    const aia = tlv(
      0x30,
      tlv(0x30, oid('1.3.6.1.5.5.7.48.1'), tlv(0x86, ascii('http://ocsp.example'))),
      tlv(0x30, oid('1.3.6.1.5.5.7.48.2'), tlv(0x86, ascii('http://ca.example/ca.der'))),
    );
    const description = await made(
      extension('2.5.29.14', tlv(0x04, Buffer.from([0xab, 0x01]))),
      extension('2.5.29.35', tlv(0x30, tlv(0x80, Buffer.from([0xcd, 0x02])))),
      extension('1.3.6.1.5.5.7.1.1', aia),
      extension('2.5.29.15', tlv(0x03, Buffer.from([7, 0x86, 0x80]))),
      extension('2.5.29.37', tlv(0x30, oid('1.3.6.1.5.5.7.3.1'), oid('1.2.3.4'))),
    );
    expect(description).toMatchObject({
      subjectKeyId: 'AB:01',
      authorityKeyId: 'CD:02',
      issuerUrls: ['http://ca.example/ca.der'],
      keyUsages: ['digitalSignature', 'keyCertSign', 'cRLSign', 'decipherOnly'],
      extendedKeyUsages: ['serverAuth', '1.2.3.4'],
      unreadable: [],
    });
  });

  it.each([
    ['subjectAltName', SAN, tlv(0x04, Buffer.alloc(3))],
    ['an empty subjectAltName', SAN, tlv(0x30)],
    ['an IP address of 5 bytes', SAN, tlv(0x30, tlv(0x87, Buffer.alloc(5)))],
    ['keyUsage', '2.5.29.15', tlv(0x04, Buffer.alloc(1))],
    ['extendedKeyUsage', '2.5.29.37', Buffer.from('nonsense')],
    [
      'basicConstraints',
      '2.5.29.19',
      tlv(0x30, tlv(0x01, Buffer.from([0xff])), tlv(0x02, Buffer.from([0xff]))),
    ],
    ['authorityKeyIdentifier', '2.5.29.35', Buffer.alloc(0)],
    ['subjectKeyIdentifier', '2.5.29.14', tlv(0x30)],
    ['authorityInfoAccess', '1.3.6.1.5.5.7.1.1', tlv(0x30, tlv(0x05))],
    ['a trailing byte', '2.5.29.14', Buffer.concat([tlv(0x04, Buffer.alloc(2)), Buffer.alloc(1)])],
  ])('reports a broken extension and reads the others: %s', async (_, dotted, value) => {
    const other = dotted === SAN ? '2.5.29.14' : SAN;
    const good = dotted === SAN ? tlv(0x04, Buffer.from([1])) : tlv(0x30, tlv(0x82, ascii('ok')));
    const description = await made(extension(dotted, value), extension(other, good));
    expect(description.unreadable).toEqual([dotted]);
    expect(description.subjectKeyId ?? description.subjectAltNames.dns[0]).toMatch(/^(01|ok)$/);
  });

  it('shows neither of two extensions of one kind', async () => {
    const san = (text: string) => extension(SAN, tlv(0x30, tlv(0x82, ascii(text))));
    const description = await made(san('shown.example'), san('hidden.example'));
    expect(description.subjectAltNames.dns).toEqual([]);
    expect(description.unreadable).toEqual([SAN]);
  });

  it.each([
    ['0050', '00500102030405Z', '0050-01-02T03:04:05.000Z'],
    ['9999', '99991231235959Z', '9999-12-31T23:59:59.000Z'],
  ])('reads the year %s', async (_, text, expected) => {
    const { der } = makeCertificate({ notBefore: tlv(0x18, ascii(text)) });
    expect((await describeCertificate(der)).notBefore.toISOString()).toBe(expected);
  });

  it('says that a date is broken', async () => {
    const { der } = makeCertificate({ notBefore: tlv(0x17, ascii('259901000000Z')) });
    const description = await describeCertificate(der);
    expect(description.unreadable).toEqual(['validity']);
    expect(formatCertificate(description)).toContain('(unreadable) to 2099-12-31T23:59:59Z');
  });

  it('is not held up by 10,000 names or 20,000 extensions', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => tlv(0x82, ascii(`n${i}.example`)));
    const empty = Array.from({ length: 20_000 }, () => extension('1.2.3', Buffer.alloc(0)));
    const many = makeCertificate({ extensions: [extension(SAN, tlv(0x30, ...names))] }).der;
    const repeated = makeCertificate({ extensions: empty }).der;
    await describeCertificate(pemOf('leaf'));
    const before = process.cpuUsage();
    expect((await describeCertificate(many)).subjectAltNames.dns).toHaveLength(10_000);
    expect((await describeCertificate(repeated)).unreadable).toEqual(['1.2.3']);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(1000);
  });
});

suite('formatCertificate', () => {
  it('prints aligned lines', async () => {
    expect(formatCertificate(await describeCertificate(pemOf('v1')))).toMatch(
      /^Subject {8}CN=localhost\nIssuer {9}CN=localhost \(self-signed\)\nNames {10}\(no subjectAltName\)\n/,
    );
  });
});
