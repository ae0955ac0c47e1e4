import { beforeAll, describe, expect, it } from 'vitest';
import { TlsConfigError } from '../../../src/errors.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import type { TrustInput } from '../../../src/trust/trust-policy.js';

let held: HeldCertificate;
let other: HeldCertificate;

beforeAll(async () => {
  held = await heldCertificate();
  other = await heldCertificate();
});

describe('checkTrustPolicy', () => {
  it('takes null and undefined as the default roots', () => {
    for (const trust of [null, undefined]) {
      expect(checkTrustPolicy(trust)).toMatchObject({ anchors: [], defaultRoots: true });
    }
  });

  it('takes PEM or DER as the only anchors', () => {
    for (const trust of [held.certificatePem, held.certificate.raw, { ca: held.certificatePem }]) {
      const policy = checkTrustPolicy(trust);
      expect(policy.anchors.map((anchor) => anchor.fingerprint256)).toEqual([held.fingerprint256]);
      expect(policy.defaultRoots).toBe(false);
    }
  });

  it('keeps every certificate of a bundle and of a list', () => {
    const bundle = held.certificatePem + other.certificatePem;
    expect(checkTrustPolicy(bundle).anchors).toHaveLength(2);
    const list = [held.certificatePem, other.certificate.raw];
    expect(checkTrustPolicy({ ca: list }).anchors).toHaveLength(2);
  });

  it('adds the default roots only when told to', () => {
    expect(checkTrustPolicy({ ca: held.certificatePem, roots: 'default' }).defaultRoots).toBe(true);
    expect(checkTrustPolicy({ serverName: 'a.example' }).defaultRoots).toBe(true);
  });

  it('is frozen and keeps nothing of the input', () => {
    const ca = [held.certificatePem];
    const policy = checkTrustPolicy({ ca, serverName: 'A.Example.' });
    ca.push(other.certificatePem);
    expect(policy.anchors).toHaveLength(1);
    expect(policy.serverName).toBe('a.example');
    expect(Object.isFrozen(policy) && Object.isFrozen(policy.anchors)).toBe(true);
  });

  const refused: [what: string, trust: () => unknown][] = [
    ['an empty string', () => ''],
    ['white space', () => ' \n'],
    ['empty bytes', () => new Uint8Array()],
    ['garbage', () => 'garbage'],
    ['a number', () => 5],
    ['a boolean', () => false],
    ['a list', () => [held.certificatePem]],
    ['an empty policy', () => ({})],
    ['an unknown field', () => ({ ca: held.certificatePem, rejectUnauthorized: false })],
    ['a field of a later version', () => ({ pinz: ['sha256/x'] })],
    ['ca: undefined, an unset variable', () => ({ ca: undefined })],
    ['ca: null', () => ({ ca: null })],
    ["ca: ''", () => ({ ca: '' })],
    ['ca: []', () => ({ ca: [] })],
    ["ca: [good, '']", () => ({ ca: [held.certificatePem, ''] })],
    ['a key in place of a certificate', () => ({ ca: held.keyPem })],
    ['a certificate and its key', () => ({ ca: held.certificatePem + held.keyPem })],
    [
      'a broken PEM after a good one',
      () => ({ ca: `${held.certificatePem}-----BEGIN CERTIFICATE-----\nMIIB\n` }),
    ],
    ["roots: 'none' without ca", () => ({ roots: 'none' })],
    ["roots: 'system'", () => ({ roots: 'system' })],
    ['minVersion TLSv1', () => ({ minVersion: 'TLSv1' })],
    ["serverName: ''", () => ({ serverName: '' })],
    ['serverName with a port', () => ({ serverName: 'a.example:443' })],
    ['serverName with a wildcard', () => ({ serverName: '*.example' })],
    ['serverName with a leading dot', () => ({ serverName: '.example' })],
    ['serverName that is a URL', () => ({ serverName: 'https://a.example' })],
  ];
  it.each(refused)('refuses %s', (_what, trust) => {
    expect(() => checkTrustPolicy(trust() as TrustInput)).toThrow(TlsConfigError);
  });

  it('repeats nothing of a key in its message', () => {
    const secret = held.keyPem.split('\n')[1] as string;
    try {
      checkTrustPolicy({ ca: held.keyPem });
      expect.unreachable();
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain(secret.slice(0, 16));
    }
  });
});
