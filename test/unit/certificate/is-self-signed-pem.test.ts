import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSelfSigned, isSelfSignedPem } from '../../../src/certificate/is-self-signed-pem.js';
import {
  derOf,
  errorOf,
  fixtureNames,
  makeCertificate,
  name,
  pemOf,
  rsaSpki,
  toPemText,
} from './support.js';

const NOT_SELF_SIGNED = ['inter', 'leaf', 'rogue_A_catrue', 'self_issued'];
const POST_QUANTUM = fixtureNames.filter((fixture) => /ml-dsa|slh-dsa/.test(fixture));
// OpenSSL 3.5 brought ML-DSA and SLH-DSA; Node.js 20 has 3.0.
const knowsPostQuantum = Number(process.versions.openssl.replace(/^(\d+)\.(\d+).*/, '$1$2')) >= 35;
const decidable = fixtureNames.filter(
  (fixture) => knowsPostQuantum || !POST_QUANTUM.includes(fixture),
);

describe('isSelfSignedPem', () => {
  it.each(decidable)('decides %s, as PEM and as DER', (fixture) => {
    const expected = !NOT_SELF_SIGNED.includes(fixture);
    expect(isSelfSignedPem(pemOf(fixture))).toBe(expected);
    expect(isSelfSignedPem(Buffer.from(pemOf(fixture)))).toBe(expected);
    expect(isSelfSignedPem(derOf(fixture))).toBe(expected);
    expect(isSelfSigned(new X509Certificate(pemOf(fixture)))).toBe(expected);
  });

  it.skipIf(knowsPostQuantum).each(POST_QUANTUM)('says that %s is undecidable here', (fixture) => {
    expect(errorOf(() => isSelfSignedPem(pemOf(fixture)))).toMatch(
      /^MCP_TLS_UNSUPPORTED_ALGORITHM: .*(ML|SLH)-DSA/,
    );
  });

  it.each(decidable)('says false for %s with a damaged signature, not "unsupported"', (fixture) => {
    const der = derOf(fixture);
    der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1);
    expect(isSelfSignedPem(der)).toBe(false);
  });

  it.each([
    ['MD2', '1.2.840.113549.1.1.2', 'false', 'a key of another type cannot have signed'],
    ['SM2 with SM3', '1.2.156.10197.1.501', 'MCP_TLS_UNSUPPORTED_ALGORITHM', 'unknown OID'],
    ['GOST', '1.2.643.7.1.1.3.2', 'MCP_TLS_UNSUPPORTED_ALGORITHM', 'unknown OID'],
    ['ECDSA with SHA-512', '1.2.840.10045.4.3.4', 'false', 'known, and wrong'],
  ])('judges an EC certificate that claims %s (%s)', (_, signatureOid, expected) => {
    const { der } = makeCertificate({ signatureOid });
    expect(errorOf(() => isSelfSignedPem(der))).toContain(expected);
  });

  it.each([
    ['a modulus of 16,384 bits', rsaSpki(16_384), 'no error, but false'],
    ['a modulus of 16,392 bits', rsaSpki(16_392), 'MCP_TLS_UNSUPPORTED_ALGORITHM'],
    ['an exponent of 65 bits', rsaSpki(4096, Buffer.alloc(9, 1)), 'MCP_TLS_UNSUPPORTED_ALGORITHM'],
  ])('knows what OpenSSL does not even try: RSA with %s', (_, spki, expected) => {
    const { der } = makeCertificate({ spki, signatureOid: '1.2.840.113549.1.1.11' });
    expect(errorOf(() => isSelfSignedPem(der))).toContain(expected);
  });

  it('compares names as RFC 5280 §7.1 does: no string types, letter case, runs of spaces', () => {
    const subject = name(['My  Server'], 0x0c);
    const same = makeCertificate({ subject, issuer: name(['my server'], 0x13) });
    expect(isSelfSignedPem(same.der)).toBe(true);
    const other = makeCertificate({ subject, issuer: name(['my servers'], 0x13) });
    expect(isSelfSignedPem(other.der)).toBe(false);
  });

  it('decides on empty names and on names with line breaks', () => {
    expect(isSelfSignedPem(makeCertificate({ subject: name([]) }).der)).toBe(true);
    const subject = name(['a\nCN=b']);
    expect(isSelfSignedPem(makeCertificate({ subject }).der)).toBe(true);
    expect(isSelfSignedPem(makeCertificate({ subject, issuer: name(['a', 'b']) }).der)).toBe(false);
  });
});

describe('isSelfSignedPem under damage', () => {
  const samples = ['alg_p256', 'alg_rsa1024', 'alg_rsapss2048', 'alg_ed25519', 'v1'];

  it.each(samples)('answers or throws ours for every flipped byte of the DER of %s', (fixture) => {
    const der = derOf(fixture);
    for (let i = 0; i < der.length; i++) {
      const damaged = Buffer.from(der);
      damaged.writeUInt8(damaged.readUInt8(i) ^ 0xff, i);
      expectNeverTrue(damaged);
    }
  });

  it('answers or throws ours for any bit flipped in the PEM, and any length cut', () => {
    const pem = Buffer.from(pemOf('alg_p256'));
    for (let i = 0; i < pem.length; i++) {
      const flipped = Buffer.from(pem);
      flipped.writeUInt8(flipped.readUInt8(i) ^ 0x01, i);
      expectAnswer(flipped);
      expectAnswer(flipped.toString('latin1'));
      if (i < pem.length - 1) expectRefusal(pem.subarray(0, i));
    }
  });

  it('refuses every cut of the DER', () => {
    const der = derOf('alg_p256');
    for (let i = 0; i < der.length; i++) expectRefusal(der.subarray(0, i));
  });

  it('answers or throws ours for any bytes and for any bytes in a PEM', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expectNeverTrue(bytes);
        expectNeverTrue(toPemText(bytes));
        expectNeverTrue(Buffer.concat([Buffer.from([0x30, 0x82]), bytes]));
      }),
    );
  });
});

function expectAnswer(input: string | Uint8Array): void {
  expect(errorOf(() => isSelfSignedPem(input))).toMatch(
    /^(no error, but (true|false)$|MCP_TLS_INVALID_CERTIFICATE|MCP_TLS_UNSUPPORTED_ALGORITHM)/,
  );
}

function expectNeverTrue(input: string | Uint8Array): void {
  expect(errorOf(() => isSelfSignedPem(input))).toMatch(
    /^(no error, but false$|MCP_TLS_INVALID_CERTIFICATE|MCP_TLS_UNSUPPORTED_ALGORITHM)/,
  );
}

function expectRefusal(input: string | Uint8Array): void {
  expect(errorOf(() => isSelfSignedPem(input))).toMatch(/^MCP_TLS_INVALID_CERTIFICATE/);
}
