import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CertificateKeyType, heldCertificate } from '../../src/testing/index.js';
import { codeOf, contains, DAY_MS, OID, signatureAlgorithmOf } from './held-certificate-setup.js';

describe('heldCertificate: defaults', () => {
  it('is a self-signed P-256 server certificate for this machine', async () => {
    const before = Date.now();
    const held = await heldCertificate();
    const after = Date.now();
    const x509 = held.certificate;
    expect(x509.subject).toBe(x509.issuer);
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(x509.checkPrivateKey(createPrivateKey(held.keyPem))).toBe(true);
    expect(x509.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(x509.ca).toBe(false);
    expect(x509.checkHost('localhost')).toBe('localhost');
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(x509.checkIP('::1')).toBe('::1');
    expect(x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    // Certificates count in seconds.
    const during = (text: string, days: number): boolean =>
      Date.parse(text) > before + days * DAY_MS - 1000 &&
      Date.parse(text) < after + days * DAY_MS + 1000;
    expect([during(x509.validFrom, -1), during(x509.validTo, 30)]).toEqual([true, true]);
    expect(held.fingerprint).toBe(new X509Certificate(held.pem).fingerprint256);
    expect(held.chainPem).toBe(held.pem);
    expect(held.issuer).toBeUndefined();
    expect(signatureAlgorithmOf(held)).toBe('ecdsa-sha256');
    expect(Object.isFrozen(held)).toBe(true);
  });

  it('gives each certificate its own key, name and positive serial number', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => heldCertificate()));
    for (const of of ['subject', 'serialNumber', 'fingerprint256'] as const) {
      expect(new Set(many.map((held) => held.certificate[of])).size).toBe(20);
    }
    expect(new Set(many.map((held) => held.spkiPin)).size).toBe(20);
    for (const held of many) expect(held.certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('pins the SHA-256 of the SubjectPublicKeyInfo', async () => {
    const { certificate, spkiPin } = await heldCertificate();
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const hash = await crypto.subtle.digest('SHA-256', spki);
    expect(spkiPin).toBe(`sha256/${Buffer.from(hash).toString('base64')}`);
  });

  it('is fast: the median P-256 certificate takes less than 10 ms of CPU time', async () => {
    await heldCertificate();
    const times: number[] = [];
    for (let i = 0; i < 51; i += 1) {
      const before = process.cpuUsage();
      await heldCertificate();
      times.push(process.cpuUsage(before).user / 1000);
    }
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(10);
  });
});

describe('heldCertificate: keys and signatures', () => {
  const keys: Record<CertificateKeyType, { type: string; signature: string; details: object }> = {
    p256: { type: 'ec', signature: 'ecdsa-sha256', details: { namedCurve: 'prime256v1' } },
    p384: { type: 'ec', signature: 'ecdsa-sha256', details: { namedCurve: 'secp384r1' } },
    p521: { type: 'ec', signature: 'ecdsa-sha256', details: { namedCurve: 'secp521r1' } },
    secp256k1: { type: 'ec', signature: 'ecdsa-sha256', details: { namedCurve: 'secp256k1' } },
    brainpoolP256r1: {
      type: 'ec',
      signature: 'ecdsa-sha256',
      details: { namedCurve: 'brainpoolP256r1' },
    },
    rsa1024: { type: 'rsa', signature: 'rsa-sha256', details: { modulusLength: 1024 } },
    rsa2048: { type: 'rsa', signature: 'rsa-sha256', details: { modulusLength: 2048 } },
    rsa3072: { type: 'rsa', signature: 'rsa-sha256', details: { modulusLength: 3072 } },
    'rsa-pss': { type: 'rsa-pss', signature: 'rsa-pss', details: { modulusLength: 2048 } },
    ed25519: { type: 'ed25519', signature: 'ed25519', details: {} },
    ed448: { type: 'ed448', signature: 'ed448', details: {} },
    'ml-dsa-65': { type: 'ml-dsa-65', signature: 'ml-dsa-65', details: {} },
  };

  it.each(Object.entries(keys))('%s: signs itself and a leaf', async (key, expected) => {
    const type = key as CertificateKeyType;
    const postQuantum = type === 'ml-dsa-65';
    const made = heldCertificate({ key: type, isCa: true });
    if (postQuantum && Number(process.versions.node.split('.')[0]) < 24) {
      expect(await codeOf(made)).toBe('MCP_TLS_UNSUPPORTED_ALGORITHM');
      return;
    }
    const ca = await made;
    const { publicKey } = ca.certificate;
    expect(publicKey.asymmetricKeyType).toBe(expected.type);
    expect(publicKey.asymmetricKeyDetails).toMatchObject(expected.details);
    expect(signatureAlgorithmOf(ca)).toBe(expected.signature);
    expect(ca.certificate.verify(publicKey)).toBe(true);
    const leaf = await heldCertificate({ signedBy: ca });
    expect(leaf.certificate.verify(publicKey)).toBe(true);
    expect(leaf.certificate.checkIssued(ca.certificate)).toBe(true);
  });

  it.each([
    ['p256', 'sha1', 'ecdsa-sha1'],
    ['p256', 'sha384', 'ecdsa-sha384'],
    ['p521', 'sha512', 'ecdsa-sha512'],
    ['rsa2048', 'sha1', 'rsa-sha1'],
    ['rsa-pss', 'sha1', 'rsa-pss'],
    ['rsa-pss', 'sha384', 'rsa-pss'],
    ['rsa-pss', 'sha512', 'rsa-pss'],
  ] as const)('%s with %s', async (key, hash, expected) => {
    const held = await heldCertificate({ key, hash });
    expect(signatureAlgorithmOf(held)).toBe(expected);
    expect(held.certificate.verify(held.certificate.publicKey)).toBe(true);
  });

  it('signs with the hash of the issuer, not of the subject key', async () => {
    const ca = await heldCertificate({ isCa: true, key: 'rsa2048' });
    const leaf = await heldCertificate({ signedBy: ca, key: 'ed25519', hash: 'sha1' });
    expect(signatureAlgorithmOf(leaf)).toBe('rsa-sha1');
    expect(leaf.certificate.verify(ca.certificate.publicKey)).toBe(true);
  });
});

describe('heldCertificate: contents', () => {
  it('writes the names that it is given, and only those', async () => {
    const { certificate } = await heldCertificate({
      subject: { C: 'DE', ST: 'Hessen', L: 'Köln', O: 'Äcme', OU: 'IT', CN: 'mcp' },
      dns: ['a.example.com', '*.b.example.com'],
      ip: ['10.0.0.5', 'fe80::1:2', '2001:db8:1:2:3:4:5:6', '::ffff:1.2.3.4', '::', '1::'],
      uri: ['spiffe://example.com/mcp'],
    });
    expect(certificate.subject).toBe('C=DE\nST=Hessen\nL=Köln\nO=Äcme\nOU=IT\nCN=mcp');
    expect(certificate.subjectAltName?.split(', ')).toEqual([
      'DNS:a.example.com',
      'DNS:*.b.example.com',
      'URI:spiffe://example.com/mcp',
      'IP Address:10.0.0.5',
      'IP Address:FE80:0:0:0:0:0:1:2',
      'IP Address:2001:DB8:1:2:3:4:5:6',
      'IP Address:0:0:0:0:0:FFFF:102:304',
      'IP Address:0:0:0:0:0:0:0:0',
      'IP Address:1:0:0:0:0:0:0:0',
    ]);
  });

  it.each([
    [{ san: 'none' }, undefined],
    [{ dns: [] }, undefined],
    [{ dns: ['x.test'] }, 'DNS:x.test'],
    [{ ip: ['::1'] }, 'IP Address:0:0:0:0:0:0:0:1'],
  ] as const)('alternative names of %j', async (options, expected) => {
    const held = await heldCertificate(options);
    expect(held.certificate.subjectAltName).toBe(expected);
    expect(contains(held, OID.subjectAltName)).toBe(expected !== undefined);
  });

  it('marks the alternative names critical, and the subject may be empty', async () => {
    const held = await heldCertificate({ subject: {}, san: 'critical', dns: ['x.test'] });
    expect(held.certificate.subject).toBeFalsy();
    expect(contains(held, `${OID.subjectAltName}0101ff`)).toBe(true);
  });

  it('keeps a NUL inside a name', async () => {
    const held = await heldCertificate({ dns: ['good.test\0.evil.test'] });
    expect(held.certificate.checkHost('good.test')).toBeUndefined();
    expect(contains(held, Buffer.from('good.test\0.evil.test').toString('hex'))).toBe(true);
  });

  it.each([
    ['1931-02-03T04:05:06.000Z', '1949-12-31T23:59:59.000Z'],
    ['1950-01-01T00:00:00.000Z', '2049-12-31T23:59:59.000Z'],
    ['2050-01-01T00:00:00.000Z', '9999-12-31T23:59:59.000Z'],
    ['2031-01-01T00:00:00.000Z', '2030-01-01T00:00:00.000Z'],
  ])('is valid from %s to %s', async (notBefore, notAfter) => {
    const held = await heldCertificate({
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
    });
    expect(new Date(held.certificate.validFrom).toISOString()).toBe(notBefore);
    expect(new Date(held.certificate.validTo).toISOString()).toBe(notAfter);
  });

  it.each([
    [0n, '0'],
    [1n, '01'],
    [0x80n, '80'],
    [2n ** 159n, `80${'00'.repeat(19)}`],
    [-5n, '-05'],
  ])('serial number %s', async (serialNumber, expected) => {
    const { certificate } = await heldCertificate({ serialNumber });
    expect(certificate.serialNumber).toBe(expected);
  });

  it('writes CA, path length, usages and constraints', async () => {
    const ca = await heldCertificate({
      isCa: true,
      pathLength: 2,
      keyUsages: ['keyCertSign', 'decipherOnly'],
      extendedKeyUsages: ['codeSigning', '1.2.3.4'],
      nameConstraints: { permittedDns: ['ok.test'], excludedDns: ['no.ok.test'] },
      issuerUrls: ['http://127.0.0.1:1/ca.crt'],
      unknownCriticalExtension: true,
    });
    expect(ca.certificate.ca).toBe(true);
    expect(ca.certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3', '1.2.3.4']);
    expect(ca.certificate.infoAccess?.trim()).toBe('CA Issuers - URI:http://127.0.0.1:1/ca.crt');
    // basicConstraints, critical: SEQUENCE { TRUE, 2 }
    expect(contains(ca, `${OID.basicConstraints}0101ff040830060101ff020102`)).toBe(true);
    // keyUsage, critical: bits 5 and 8, seven unused bits in the second octet
    expect(contains(ca, `${OID.keyUsage}0101ff04050303070480`)).toBe(true);
    expect(contains(ca, `${OID.nameConstraints}0101ff`)).toBe(true);
    expect(contains(ca, Buffer.from('no.ok.test').toString('hex'))).toBe(true);
    expect(contains(ca, '06092b0601040183b203010101ff')).toBe(true);
  });

  it('leaves extensions out on demand', async () => {
    const full = await heldCertificate();
    const bare = await heldCertificate({
      basicConstraints: false,
      keyUsages: [],
      extendedKeyUsages: [],
      san: 'none',
      keyIdentifiers: false,
    });
    for (const name of [
      'basicConstraints',
      'keyUsage',
      'subjectAltName',
      'subjectKeyId',
    ] as const) {
      expect([name, contains(full, OID[name]), contains(bare, OID[name])]).toEqual([
        name,
        true,
        false,
      ]);
    }
    expect(bare.certificate.keyUsage).toBeUndefined();
  });

  it('version 1 has no extensions', async () => {
    const v1 = await heldCertificate({ version: 1 });
    expect(v1.certificate.subjectAltName).toBeUndefined();
    expect(contains(v1, 'a003020102')).toBe(false);
    expect(contains(await heldCertificate({ version: 3 }), 'a003020102')).toBe(true);
    expect(v1.certificate.verify(v1.certificate.publicKey)).toBe(true);
    const leaf = await heldCertificate({ signedBy: v1 });
    expect(leaf.certificate.issuer).toBe(v1.certificate.subject);
  });
});
