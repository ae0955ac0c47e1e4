import { createPrivateKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { TlsConfigError } from '../../../src/errors.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import {
  type ClientCertificate,
  type ClientCertificateAndKey,
  readClientCertificate,
} from '../../../src/trust/client-certificate.js';

/** The forms that certificates and keys of clients come in. */

let held: HeldCertificate;
let ca: HeldCertificate;
const passphrase = 'right';

beforeAll(async () => {
  ca = await heldCertificate({ isCa: true });
  held = await heldCertificate({ signedBy: ca });
});

const key = () => createPrivateKey(held.keyPem);
const encrypted = { cipher: 'aes-256-cbc', passphrase } as const;

const FORMS: Record<string, () => ClientCertificate> = {
  'a chain and a key in PEM': () => ({ cert: held.pem + ca.pem, key: held.keyPem }),
  'one combined file for both': () => {
    const both = held.keyPem + held.pem + ca.pem;
    return { cert: both, key: both };
  },
  'one combined file, certificate first, as bytes': () => {
    const both = Buffer.from(held.pem + held.keyPem);
    return { cert: both, key: both };
  },
  'a combined file with a traditional, encrypted key': () => {
    const both = held.pem + key().export({ type: 'sec1', format: 'pem', ...encrypted });
    return { cert: both, key: both, passphrase };
  },
  'line breaks that were written as \\n': () => ({
    cert: held.pem.replaceAll('\n', '\\n'),
    key: held.keyPem.replaceAll('\n', '\\n'),
  }),
  'line breaks that were written as \\r\\n': () => ({
    cert: held.pem.replaceAll('\n', '\\r\\n'),
    key: held.keyPem.replaceAll('\n', '\\r\\n'),
  }),
  'DER and PKCS #8 in DER': () => ({
    cert: held.certificate.raw,
    key: key().export({ type: 'pkcs8', format: 'der' }),
  }),
  'SEC 1 in DER': () => ({ cert: held.pem, key: key().export({ type: 'sec1', format: 'der' }) }),
  'encrypted PKCS #8 in DER': () => ({
    cert: held.pem,
    key: key().export({ type: 'pkcs8', format: 'der', ...encrypted }),
    passphrase,
  }),
  'encrypted PKCS #8 in PEM': () => ({
    cert: held.pem,
    key: key().export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string,
    passphrase,
  }),
  'a KeyObject': () => ({ cert: held.pem, key: key() }),
};

describe('a client certificate is read', () => {
  it.each(Object.keys(FORMS))('as %s', (form) => {
    const { leaf, key: read } = readClientCertificate((FORMS[form] as () => ClientCertificate)());
    expect(leaf.fingerprint256).toBe(held.fingerprint);
    expect(read.equals(key())).toBe(true);
  });
});

/** Encrypted by OpenSSL's legacy provider, of keys that were thrown away. */
const LEGACY = {
  'RC2 of 40 bits': `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQYwDgQIFXrrPjOsszICAggABIGQFu9OmDCDz4g1uoQ6
tOOTS8Oq42osaZOmPIkaOeZX1WzCy5MceV02BrxOv290Nrmr+GmWU0wMjz3vU30h
vbDGsnPKiQM6b6R9QE/clNWtIaZzPJZM7TGJ4zjPsH4w6gLffK92Ojmyl/T4BHIF
aK7CBaCbQjsK15runeWoz36I9qyMmUZ5qSXxncg/SY16LlBL
-----END ENCRYPTED PRIVATE KEY-----`,
  DES: `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: DES-CBC,E98DC7569F550855

mLpsTJg7lilD9RzdyejybmQkLJrcf/Ljsg0nO7/QbwwbFoyDy4RLevA7qrOaUPB7
KSYyYrm15+1/EDwuJgQzRdQLqT/xXfFQ8KTdJ8V+Vczg8DhVFBuR6AYPzFFF0pPw
BfcZcLJma95Uiu5ZmRYelpLwg5mB28ybnFR2sKUsRnw=
-----END EC PRIVATE KEY-----`,
};

describe('a key that cannot be opened', () => {
  const refusal = (given: Partial<ClientCertificateAndKey>) => {
    try {
      readClientCertificate({ cert: held.pem, key: held.keyPem, ...given });
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(TlsConfigError);
      expect(JSON.stringify(error)).not.toMatch(/wrong|right|MII/);
      return error as TlsConfigError;
    }
  };

  it.each(['pem', 'der'] as const)('for a wrong passphrase says so (%s)', (format) => {
    const given = key().export({ type: 'pkcs8', format: format as 'pem', ...encrypted });
    expect(refusal({ key: given, passphrase: 'wrong' })?.message).toMatch(
      /the passphrase does not open it/,
    );
    expect(refusal({ key: given })?.message).toMatch(/there is no passphrase/);
  });

  it.each(Object.entries(LEGACY))(
    'for its cipher, %s, shows the command that converts it',
    (_, pem) => {
      for (const given of ['right', 'wrong']) {
        expect(refusal({ key: pem, passphrase: given })).toMatchObject({
          message: expect.stringMatching(/a cipher that this OpenSSL does not support/),
          hint: expect.stringContaining('openssl pkey -in KEY -provider legacy'),
        });
      }
    },
  );

  it('is none: of another certificate, public, garbage, or a certificate', () => {
    const { publicKey } = held.certificate;
    expect(refusal({ key: ca.keyPem })?.message).toMatch(/not the one of the/);
    expect(refusal({ key: publicKey })?.message).toMatch(/a public KeyObject/);
    for (const given of [
      'garbage',
      held.pem,
      Buffer.from([0x30, 0x03, 1, 1, 1]),
      held.certificate.raw,
    ]) {
      expect(refusal({ key: given })?.message).toMatch(/is not a private key/);
    }
    expect(refusal({ cert: held.keyPem })?.message).toMatch(/certificate/);
  });
});
