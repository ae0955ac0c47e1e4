import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { describe as describeParsed } from '../../../src/certificate/describe-certificate.js';
import { formatCertificate } from '../../../src/certificate/format-certificate.js';
import { keyBeyondBounds } from '../../../src/certificate/key-bounds.js';
import {
  bitString,
  type Der,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
  set,
  time,
  utf8String,
} from '../../../src/testing/der.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { explainVerdict } from '../../../src/trust/explain-verdict.js';
import { readReferenceIdentity } from '../../../src/trust/reference-identity.js';

/** What a certificate may cost that somebody made to be looked at. */

const RSA = sequence(objectIdentifier('1.2.840.113549.1.1.1'), nullValue());
const RSA_SHA256 = sequence(objectIdentifier('1.2.840.113549.1.1.11'), nullValue());

const odd = (bits: number): bigint => (1n << BigInt(bits - 1)) + 1n;

/** A self-issued certificate with this key, and a signature of nobody's. */
function crafted(spki: Der, commonName = 'crafted'): X509Certificate {
  const name = sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
  const validity = sequence(time(new Date(Date.now() - 1e6)), time(new Date(Date.now() + 1e9)));
  const signed = sequence(integer(1n), RSA_SHA256, name, validity, name, spki);
  return new X509Certificate(sequence(signed, RSA_SHA256, bitString(Buffer.alloc(384, 7))));
}

const rsa = (modulusBits: number, exponentBits: number, algorithm = RSA): X509Certificate =>
  crafted(
    sequence(algorithm, bitString(sequence(integer(odd(modulusBits)), integer(odd(exponentBits))))),
  );

let server: HeldCertificate;
let ca: HeldCertificate;
beforeAll(async () => {
  ca = await heldCertificate({ isCa: true });
  server = await heldCertificate({ signedBy: ca });
});

const identity = readReferenceIdentity('localhost');
const judge = (trust: Parameters<typeof checkTrustPolicy>[0], chain: X509Certificate[]) =>
  decide(checkTrustPolicy(trust), { chain, isWhole: true, chainError: null }, identity, new Date());

describe('the key of a certificate', () => {
  it.each([
    ['RSA of 3,072 bits and exponent 65,537', () => rsa(3072, 17), undefined],
    ['RSA at the bounds', () => rsa(16_384, 64), undefined],
    ['RSA with a larger modulus', () => rsa(16_385, 17), /modulus of 16385 bits/],
    ['RSA with a larger exponent', () => rsa(3072, 65), /exponent of 65 bits/],
    ['RSA with an exponent as long as its modulus', () => rsa(3072, 3070), /exponent of 3070 bits/],
    [
      'RSASSA-PSS with a larger exponent',
      () => rsa(3072, 65, sequence(objectIdentifier('1.2.840.113549.1.1.10'))),
      /exponent of 65 bits/,
    ],
    [
      'DSA with a modulus of 8,192 bits',
      () => {
        const parameters = sequence(integer(odd(8192)), integer(odd(256)), integer(4n));
        const algorithm = sequence(objectIdentifier('1.2.840.10040.4.1'), parameters);
        return crafted(sequence(algorithm, bitString(integer(9n))));
      },
      /modulus of 8192 bits/,
    ],
    [
      'RSA that is no DER',
      () => crafted(sequence(RSA, bitString(Buffer.of(1, 2)))),
      /cannot be read/,
    ],
  ] as const)('%s', (_what, make, expected) => {
    const found = keyBeyondBounds(make());
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(expected);
  });

  it('of an elliptic curve is within them', () => {
    expect(keyBeyondBounds(server.certificate)).toBeUndefined();
  });

  it('refuses a chain that holds one beyond them, and says so', () => {
    const chain = [server.certificate, rsa(3072, 3070)];
    expect(judge({ ca: ca.pem }, [server.certificate]).trusted).toBe(true);
    expect(judge({ ca: ca.pem }, chain)).toMatchObject({
      trusted: false,
      reason: 'MCP_TLS_CHAIN_REFUSED',
      message: expect.stringContaining('exponent of 3070 bits'),
    });
  });

  it('is nobody’s concern above a certificate that is trusted by its bytes', () => {
    const chain = [server.certificate, rsa(3072, 3070)];
    expect(judge({ ca: server.pem }, chain).trusted).toBe(true);
  });

  it.each([1n, 2n, 65_536n])('is weak with an exponent of %s, whatever says so', (exponent) => {
    const key = sequence(integer(odd(3072)), integer(exponent));
    const leaf = crafted(sequence(RSA, bitString(key)), 'localhost');
    for (const trust of [
      { ca: leaf.toString(), authority: false },
      { identity: 'pin', pins: `SHA256:${leaf.fingerprint256}` },
    ] as const) {
      expect(judge(trust, [leaf])).toMatchObject({ reason: 'MCP_TLS_WEAK' });
    }
  });

  it('is that of the certificate itself where a pin is all', () => {
    const leaf = rsa(3072, 3070);
    const pin = leaf.fingerprint256;
    expect(judge({ identity: 'pin', pins: `SHA256:${pin}` }, [leaf])).toMatchObject({
      reason: 'MCP_TLS_CHAIN_REFUSED',
    });
  });

  it('is not verified with beyond them, and described in no time', async () => {
    const certificates = Array.from({ length: 16 }, () => rsa(16_384, 16_380));
    const { user } = process.cpuUsage();
    const described = await Promise.all(certificates.map((one) => describeParsed(one)));
    // It was 40 ms and more for each.
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(200);
    expect(new Set(described.map(({ isSelfSigned }) => isSelfSigned))).toEqual(
      new Set([undefined]),
    );
    expect(described[0]?.key).toEqual({ type: 'rsa', bits: 16_384 });
  });
});

describe('what a certificate says', () => {
  const MANY = 2_000;
  let many: X509Certificate;
  let wordy: X509Certificate;
  beforeAll(async () => {
    const dns = Array.from({ length: MANY }, (_, i) => `host-${i}.example`);
    many = (await heldCertificate({ dns })).certificate;
    wordy = (await heldCertificate({ commonName: '\u0007'.repeat(20_000) })).certificate;
  });

  const asked = (leaf: X509Certificate) => judge({ ca: leaf.toString() }, [leaf]);

  it('is cut in an error, names with a count', () => {
    const refusal = asked(many) as { presented?: string };
    expect(refusal.presented?.length).toBeLessThan(500);
    expect(refusal.presented).toMatch(/^DNS:host-0.example, .* and 19\d\d more names$/);
    expect(JSON.stringify(asked(wordy)).length).toBeLessThan(3_000);
  });

  it('is cut in problems', async () => {
    for (const leaf of [many, wordy]) {
      const { problems } = explainVerdict({
        refusal: { reason: 'MCP_TLS_UNKNOWN_ISSUER', message: 'refused' },
        presentation: { chain: [leaf], isWhole: true, chainError: 'UNABLE_TO_GET_ISSUER_CERT' },
        descriptions: [{ ...(await describeParsed(leaf)), isSelfSigned: false }],
        identity,
        now: new Date(),
        protocol: 'TLSv1.3',
      });
      expect(problems).not.toEqual([]);
      for (const { message } of problems) expect(message.length).toBeLessThan(700);
    }
  });

  it('is cut where it is printed for people', async () => {
    const text = formatCertificate(await describeParsed(many));
    expect(text.length).toBeLessThan(6_000);
    expect(text).toMatch(/host-63\.example, and 1936 more/);
    expect(formatCertificate(await describeParsed(wordy)).length).toBeLessThan(6_000);
  });
});
