import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fingerprint256, spkiPin } from '../../../src/certificate/fingerprint.js';
import { pemOf } from './support.js';

describe('fingerprint256', () => {
  it('is what openssl x509 -fingerprint -sha256 prints', () => {
    expect(fingerprint256(new X509Certificate(pemOf('leaf')))).toBe(
      'EF:15:9A:2D:E3:11:56:7E:4A:9B:69:AC:AF:05:5E:92:48:D2:4C:D9:DE:FF:AC:58:39:AA:1D:47:B6:CB:97:D6',
    );
  });
});

describe('spkiPin', () => {
  // openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
  it.each(vectors())('of %s is %s', (fixture, expected) => {
    expect(spkiPin(new X509Certificate(pemOf(fixture)))).toBe(`sha256/${expected}`);
  });

  it.each(['alg_rsa2048', 'alg_ed25519', 'alg_bp256'])(
    'agrees with the exported key of %s',
    (fixture) => {
      const certificate = new X509Certificate(pemOf(fixture));
      const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
      expect(spkiPin(certificate)).toBe(
        `sha256/${createHash('sha256').update(spki).digest('base64')}`,
      );
    },
  );

  it('needs no key that Node.js can read', () => {
    expect(spkiPin(new X509Certificate(pemOf('alg_ml-dsa-65')))).toMatch(/^sha256\/[\w+/]{43}=$/);
  });
});

function vectors(): [string, string][] {
  return [
    ['leaf', 'c/ZTH1z+C4r+zjwNmMM94JcMQCCH+k9ZP23GcHhItvQ='],
    ['alg_rsa2048', 'Ivav+ht+cK3f+e4VSVjIQBSQEhsQRKTdVzgqXhcmaDg='],
    ['alg_secp256k1', 'NJ6l7R9nUBv/1U1+LFnHjf7q3CHfE+tVhh5bRjojNaU='],
    ['alg_dsa', '7JjC/sOe115dBRdnMdeXBoZN7FqN6Ibp0WOgaPysTDc='],
    ['alg_rsapsskey', 'PUYxwR+JXz1S3reu0qL1oR5jjO3HBSeYRF85w93r1u8='],
    ['v1', 'ZmDoDQaAwz4Bm1fnAbRoAK+QSY27EeR4dx5GTZwW8Os='],
  ];
}
