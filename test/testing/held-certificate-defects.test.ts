import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { heldCertificate } from '../../src/testing/index.js';
import { codeOf, contains, DAY_MS, OID } from './held-certificate-setup.js';

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
