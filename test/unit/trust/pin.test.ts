import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldCertificate } from '../../../src/testing/index.js';
import { matchesPin, readPin } from '../../../src/trust/pin.js';

const HEX = '0123456789abcdef'.repeat(4);
const COLONS = (HEX.toUpperCase().match(/../g) ?? []).join(':');
const BASE64 = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

describe('readPin', () => {
  it.each([
    [`sha256/${BASE64}`],
    [`sha256//${BASE64}`],
    [`pin-sha256="${BASE64}"`],
    [`  sha256/${BASE64}\n`],
  ])('reads a pin of the key: %s', (input) => {
    expect(readPin(input)).toEqual({ of: 'key', text: `sha256/${BASE64}` });
  });

  it.each(['sha256/', 'sha256//'])(
    'tells the slash of %s from one that base64 begins with',
    (prefix) => {
      const digest = `/${BASE64.slice(1)}`;
      expect(readPin(prefix + digest).text).toBe(`sha256/${digest}`);
      const two = `//${BASE64.slice(2)}`;
      expect(readPin(prefix + two).text).toBe(`sha256/${two}`);
    },
  );

  it('reads back the pin of any key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        const text = `sha256/${Buffer.from(digest).toString('base64')}`;
        expect(readPin(text)).toEqual({ of: 'key', text });
        expect(readPin(text.replace('/', '//')).text).toBe(text);
        const hex = Buffer.from(digest).toString('hex');
        expect(readPin(`SHA256:${hex}`).text.replaceAll(':', '').toLowerCase()).toBe(hex);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [`SHA256:${HEX}`],
    [`sha256:${HEX.toUpperCase()}`],
    [`SHA256:${COLONS}`],
    [COLONS],
    [COLONS.toLowerCase()],
    [HEX],
    [`sha256 Fingerprint=${COLONS}`],
    [`SHA256 Fingerprint=${COLONS}`],
    [`SHA-256:${HEX}`],
  ])('reads a pin of the certificate: %s', (input) => {
    expect(readPin(input)).toEqual({ of: 'certificate', text: COLONS });
  });

  it.each([
    [''],
    ['sha256/'],
    [`sha256/${BASE64.slice(0, -2)}`],
    [`sha256/${BASE64}=`],
    [`sha256/${BASE64.replace('8=', '9=')}`],
    [`sha1/${BASE64}`],
    [`sha512/${BASE64}`],
    [BASE64],
    [HEX.slice(1)],
    [`${HEX}0`],
    [COLONS.slice(3)],
    ['SHA256:'],
    ['AA:BB'],
    [HEX.slice(0, 40)],
    [COLONS.slice(0, 59)],
    [`SHA1 Fingerprint=${COLONS.slice(0, 59)}`],
    ['garbage'],
  ])('refuses %j', (input) => {
    expect(() => readPin(input)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });

  it.each([[undefined], [null], [5], [{}], [Buffer.alloc(32)]])('refuses %o', (input) => {
    expect(() => readPin(input)).toThrow(/string/);
  });

  it('says that SHA-1 is no pin any more', () => {
    expect(() => readPin(COLONS.slice(0, 59))).toThrow(/SHA-1/);
  });
});

describe('matchesPin', () => {
  it('knows the certificate by its whole, and its key through a renewal', async () => {
    const old = await heldCertificate();
    const renewed = await heldCertificate({ renewFrom: old });
    const other = await heldCertificate();
    const [key, whole] = [readPin(old.spkiPin), readPin(old.fingerprint)];
    const matches = (pin: typeof key) =>
      [old, renewed, other].map(({ certificate }) => matchesPin(certificate, pin));
    expect(matches(key)).toEqual([true, true, false]);
    expect(matches(whole)).toEqual([true, false, false]);
  });

  it('agrees with openssl on the SPKI of every kind of key', async () => {
    const { createHash, createPublicKey } = await import('node:crypto');
    for (const key of ['p256', 'p384', 'rsa2048', 'ed25519'] as const) {
      const { certificate, pem: certificatePem } = await heldCertificate({ key });
      const spki = createPublicKey(certificatePem).export({ type: 'spki', format: 'der' });
      const pin = `sha256/${createHash('sha256').update(spki).digest('base64')}`;
      expect(matchesPin(certificate, readPin(pin))).toBe(true);
    }
  });
});
