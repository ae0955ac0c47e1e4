import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { McpTlsError } from '../../src/errors.js';
import {
  type CertificateKeyType,
  type HeldCertificate,
  heldCertificate,
} from '../../src/testing/index.js';

const DAY_MS = 86_400_000;

/** DER of an object identifier's content, to look for in a certificate's bytes. */
function contains(held: HeldCertificate, hex: string): boolean {
  return held.certificate.raw.toString('hex').includes(hex);
}

const OID = {
  basicConstraints: '0603551d13',
  keyUsage: '0603551d0f',
  subjectAltName: '0603551d11',
  nameConstraints: '0603551d1e',
  subjectKeyId: '0603551d0e',
  authorityKeyId: '0603551d23',
} as const;

function signatureAlgorithmOf(held: HeldCertificate): string {
  // Node.js 20 has no property for it. The outer algorithm stands after everything that is signed.
  const raw = held.certificate.raw.toString('hex');
  const known: Record<string, string> = {
    '06072a8648ce3d0401': 'ecdsa-sha1',
    '06082a8648ce3d040302': 'ecdsa-sha256',
    '06082a8648ce3d040303': 'ecdsa-sha384',
    '06082a8648ce3d040304': 'ecdsa-sha512',
    '06092a864886f70d010105': 'rsa-sha1',
    '06092a864886f70d01010b': 'rsa-sha256',
    '06092a864886f70d01010a': 'rsa-pss',
    '06032b6570': 'ed25519',
    '06032b6571': 'ed448',
    '0609608648016503040312': 'ml-dsa-65',
  };
  const hits = Object.entries(known).map(([oid, name]) => [raw.lastIndexOf(oid), name] as const);
  return hits.sort((a, b) => b[0] - a[0])[0]?.[1] ?? 'unknown';
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof McpTlsError) return error.code;
    throw error;
  }
  return 'no error';
}

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

describe('heldCertificate: chains', () => {
  it('sends leaf and intermediates, not the root', async () => {
    const root = await heldCertificate({ isCa: true });
    const upper = await heldCertificate({ isCa: true, signedBy: root });
    const lower = await heldCertificate({ isCa: true, signedBy: upper, pathLength: 0 });
    const leaf = await heldCertificate({ signedBy: lower });
    expect(leaf.chainPem).toBe(leaf.pem + lower.pem + upper.pem);
    expect(leaf.issuer).toBe(lower);
    expect(upper.certificate.subjectAltName).toBeUndefined();
    for (const [child, parent] of [
      [leaf, lower],
      [lower, upper],
      [upper, root],
    ] as const) {
      expect(child.certificate.checkIssued(parent.certificate)).toBe(true);
      expect(child.certificate.verify(parent.certificate.publicKey)).toBe(true);
      expect(contains(child, OID.authorityKeyId)).toBe(true);
    }
  });

  it('identifies keys by the SHA-1 of their bits', async () => {
    const ca = await heldCertificate({ isCa: true });
    const leaf = await heldCertificate({ signedBy: ca, key: 'rsa2048' });
    // The bits of a P-256 key are the last 65 octets of its SubjectPublicKeyInfo; those of an RSA key
    // are its PKCS #1 form.
    const point = ca.certificate.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
    const pkcs1 = leaf.certificate.publicKey.export({ type: 'pkcs1', format: 'der' });
    const sha1 = (data: Uint8Array) => createHash('sha1').update(data).digest('hex');
    expect(contains(ca, `${OID.subjectKeyId}04160414${sha1(point)}`)).toBe(true);
    expect(contains(leaf, `${OID.subjectKeyId}04160414${sha1(pkcs1)}`)).toBe(true);
    expect(contains(leaf, `${OID.authorityKeyId}041830168014${sha1(point)}`)).toBe(true);
  });

  it('renews with the same key, subject and names, and a new serial number and validity', async () => {
    const ca = await heldCertificate({ isCa: true });
    const old = await heldCertificate({
      signedBy: ca,
      dns: ['x.test'],
      key: 'p384',
      notAfter: new Date(Date.now() - DAY_MS),
      defect: 'broken-signature',
    });
    const renewed = await heldCertificate({ renewFrom: old });
    expect(renewed.spkiPin).toBe(old.spkiPin);
    expect(renewed.keyPem).toBe(old.keyPem);
    expect(renewed.certificate.subject).toBe(old.certificate.subject);
    expect(renewed.certificate.subjectAltName).toBe('DNS:x.test');
    expect(renewed.certificate.serialNumber).not.toBe(old.certificate.serialNumber);
    expect(renewed.fingerprint).not.toBe(old.fingerprint);
    expect(Date.parse(renewed.certificate.validTo)).toBeGreaterThan(Date.now());
    expect(renewed.certificate.verify(ca.certificate.publicKey)).toBe(true);
    const moved = await heldCertificate({ renewFrom: old, commonName: 'other', ip: ['10.1.1.1'] });
    expect(moved.certificate.subject).toBe('CN=other');
    expect(moved.certificate.subjectAltName).toBe('IP Address:10.1.1.1');
    expect(moved.spkiPin).toBe(old.spkiPin);
  });
});

describe('heldCertificate: defects', () => {
  it.each(['p256', 'rsa2048', 'ed25519', 'rsa-pss'] as const)('signatures with %s', async (key) => {
    const ca = await heldCertificate({ isCa: true, key });
    for (const defect of ['broken-signature', 'foreign-signature'] as const) {
      const leaf = await heldCertificate({ signedBy: ca, defect });
      expect(leaf.certificate.issuer).toBe(ca.certificate.subject);
      expect([defect, leaf.certificate.verify(ca.certificate.publicKey)]).toEqual([defect, false]);
      const alone = await heldCertificate({ key, defect });
      expect(alone.certificate.issuer).toBe(alone.certificate.subject);
      expect([defect, alone.certificate.verify(alone.certificate.publicKey)]).toEqual([
        defect,
        false,
      ]);
      expect(alone.certificate.checkPrivateKey(createPrivateKey(alone.keyPem))).toBe(true);
    }
  });

  it('wrong-issuer-name: well signed under a foreign name', async () => {
    const ca = await heldCertificate({ isCa: true });
    const leaf = await heldCertificate({ signedBy: ca, defect: 'wrong-issuer-name' });
    expect(leaf.certificate.verify(ca.certificate.publicKey)).toBe(true);
    expect(leaf.certificate.issuer).not.toBe(ca.certificate.subject);
    expect(leaf.certificate.checkIssued(ca.certificate)).toBe(false);
  });

  it('wrong-authority-key-id: the names match, the key identifiers do not', async () => {
    const ca = await heldCertificate({ isCa: true });
    const leaf = await heldCertificate({ signedBy: ca, defect: 'wrong-authority-key-id' });
    expect(leaf.certificate.issuer).toBe(ca.certificate.subject);
    expect(leaf.certificate.verify(ca.certificate.publicKey)).toBe(true);
    expect(leaf.certificate.checkIssued(ca.certificate)).toBe(false);
  });

  it('mismatched-algorithms and duplicate-extension: Node.js still reads them', async () => {
    const mismatched = await heldCertificate({ defect: 'mismatched-algorithms' });
    expect(mismatched.certificate.verify(mismatched.certificate.publicKey)).toBe(false);
    const twice = await heldCertificate({ defect: 'duplicate-extension' });
    const raw = twice.certificate.raw.toString('hex');
    expect(raw.split(OID.subjectKeyId)).toHaveLength(3);
    expect(twice.certificate.verify(twice.certificate.publicKey)).toBe(true);
  });
});

describe('heldCertificate: wrong options', () => {
  it.each([
    ['unknown field', { notAftr: new Date() }],
    ['no object', 'localhost'],
    ['empty common name', { commonName: '' }],
    ['two names', { commonName: 'x', subject: { CN: 'y' } }],
    ['unknown attribute', { subject: { DC: 'x' } }],
    ['empty attribute', { subject: { CN: '' } }],
    ['string for dns', { dns: 'localhost' }],
    ['international name', { dns: ['köln.example'] }],
    ['bad IP', { ip: ['10.0.0.256'] }],
    ['zoned IP', { ip: ['fe80::1%eth0'] }],
    ['no names but names', { san: 'none', dns: ['x'] }],
    ['unknown san', { san: [] }],
    ['bad date', { notAfter: new Date(Number.NaN) }],
    ['text for a date', { notAfter: '2030-01-01' }],
    ['unknown key', { key: 'p224' }],
    ['unknown hash', { hash: 'md5' }],
    ['hash with Ed25519', { key: 'ed25519', hash: 'sha256' }],
    ['path length without CA', { pathLength: 1 }],
    ['negative path length', { isCa: true, pathLength: -1 }],
    ['constraints left out and given', { isCa: true, pathLength: 1, basicConstraints: false }],
    ['basicConstraints: true', { basicConstraints: true }],
    ['unknown usage', { keyUsages: ['sign'] }],
    ['unknown purpose', { extendedKeyUsages: ['server'] }],
    ['number for serial', { serialNumber: 5 }],
    ['text for CA', { ca: 'yes' }],
    ['version 2', { version: 2 }],
    ['extensions in version 1', { version: 1, dns: ['x'] }],
    ['extension defect in version 1', { version: 1, defect: 'duplicate-extension' }],
    ['unknown defect', { defect: 'ugly' }],
    ['PEM as issuer', { signedBy: '-----BEGIN CERTIFICATE-----' }],
    ['unknown constraint', { nameConstraints: { ip: [] } }],
  ])('%s', async (_name, options) => {
    expect(await codeOf(heldCertificate(options as never))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it('a renewal cannot change the key', async () => {
    const renewFrom = await heldCertificate();
    expect(await codeOf(heldCertificate({ renewFrom, key: 'p384' }))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
  });

  it('the public key of keyPem is the one in the certificate', async () => {
    const held = await heldCertificate({ key: 'rsa2048' });
    const spki = createPublicKey(held.keyPem).export({ type: 'spki', format: 'der' });
    expect(spki.equals(held.certificate.publicKey.export({ type: 'spki', format: 'der' }))).toBe(
      true,
    );
  });
});
