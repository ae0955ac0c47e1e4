import { createPrivateKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { TlsConfigError } from '../../../src/errors.js';
import { makeCustomClientFactory } from '../../../src/index.js';
import { createStoredCertificate } from '../../../src/store/record/create-stored-certificate.js';
import { serverTrust } from '../../../src/store/record/server-trust.js';
import { revocationList } from '../../../src/testing/battery/revocation-list.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { dangerouslyTrustAnyServer } from '../../../src/trust/dangerous.js';
import type { TrustInput, TrustPolicy } from '../../../src/trust/trust-policy.js';
import { extension, makeCertificate } from '../certificate/support.js';

const dangerous = () => {
  const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    return dangerouslyTrustAnyServer();
  } finally {
    emit.mockRestore();
  }
};

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('no error');
}

let held: HeldCertificate;
let other: HeldCertificate;
let root: string;
let named: string;
let crl: string;

beforeAll(async () => {
  held = await heldCertificate();
  other = await heldCertificate();
  const issuer = await heldCertificate({ isCa: true });
  root = issuer.pem;
  named = held.pem;
  crl = revocationList({ issuer });
});

describe('checkTrustPolicy', () => {
  it('refuses what is made from a checked policy: fields that were added to it were never checked', () => {
    const checked = checkTrustPolicy(named) as unknown as TrustPolicy;
    const pins = { value: [], enumerable: true };
    const record = createStoredCertificate({ url: 'https://a.example', trust: named });
    for (const ready of [checked, serverTrust(record, 1) as unknown as TrustPolicy]) {
      for (const derived of [
        Object.create(ready, { identity: { value: 'unchecked', enumerable: true } }),
        Object.create(ready, { pins }),
        Object.freeze(Object.create(ready, { allowAddress: pins })),
        Object.create(Object.create(ready)),
      ]) {
        for (const take of [checkTrustPolicy, makeCustomClientFactory]) {
          expect(errorOf(() => take(derived))).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
        }
      }
      void makeCustomClientFactory(ready).close();
    }
  });

  it('notices an accessor of a class that is no field of a policy', () => {
    class Policy {
      get roots(): 'default' {
        return 'default';
      }
    }
    class Misspelt extends Policy {
      get pin(): string {
        return held.spkiPin;
      }
    }
    expect(checkTrustPolicy(new Policy())).toMatchObject({ defaultRoots: true, pins: [] });
    expect(() => checkTrustPolicy(new Misspelt())).toThrow("unknown field 'pin'");
  });

  it('takes null as the default roots, and refuses what is not set', () => {
    expect(checkTrustPolicy(null)).toMatchObject({ anchors: [], defaultRoots: true });
    expect(() => checkTrustPolicy(undefined as never)).toThrow(/undefined: pass null/);
  });

  it('refuses bytes and lists where a policy is expected, and names the way out', () => {
    const der = held.certificate.raw;
    for (const trust of [der, [held.pem], [der], new Uint8Array()]) {
      expect(() => checkTrustPolicy(trust as never)).toThrow(/write \{ ca/);
    }
  });

  it('takes PEM or DER as the only anchors', () => {
    for (const trust of [held.pem, { ca: held.certificate.raw }, { ca: held.pem }]) {
      const policy = checkTrustPolicy(trust);
      expect(policy.anchors.map((anchor) => anchor.fingerprint256)).toEqual([held.fingerprint]);
      expect(policy.defaultRoots).toBe(false);
    }
  });

  it('keeps every certificate of a bundle and of a list', () => {
    const bundle = held.pem + other.pem;
    expect(checkTrustPolicy(bundle).anchors).toHaveLength(2);
    const list = [held.pem, other.certificate.raw];
    expect(checkTrustPolicy({ ca: list }).anchors).toHaveLength(2);
  });

  it('adds the default roots only when `roots` says so', () => {
    expect(checkTrustPolicy({ ca: held.pem, roots: 'default' }).defaultRoots).toBe(true);
    expect(checkTrustPolicy({ roots: 'default', serverName: 'a.example' }).defaultRoots).toBe(true);
  });

  it('is frozen and keeps nothing of the input', () => {
    const ca = [held.pem];
    const policy = checkTrustPolicy({ ca, serverName: 'A.Example.' });
    ca.push(other.pem);
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
    ['a list', () => [held.pem]],
    ['an empty policy', () => ({})],
    ['an unknown field', () => ({ ca: held.pem, rejectUnauthorized: false })],
    ['a field of a later version', () => ({ pinz: ['sha256/x'] })],
    ['ca: undefined, an unset variable', () => ({ ca: undefined })],
    ['ca: null', () => ({ ca: null })],
    ["ca: ''", () => ({ ca: '' })],
    ['ca: []', () => ({ ca: [] })],
    ["ca: [good, '']", () => ({ ca: [held.pem, ''] })],
    ['a key in place of a certificate', () => ({ ca: held.keyPem })],
    ['a certificate and its key', () => ({ ca: held.pem + held.keyPem })],
    [
      'a broken PEM after a good one',
      () => ({ ca: `${held.pem}-----BEGIN CERTIFICATE-----\nMIIB\n` }),
    ],
    ["roots: 'none' without ca", () => ({ roots: 'none' })],
    ["roots: 'public'", () => ({ roots: 'public' })],
    ['minVersion TLSv1', () => ({ roots: 'default', minVersion: 'TLSv1' })],
    ["serverName: ''", () => ({ roots: 'default', serverName: '' })],
    ['serverName with a port', () => ({ roots: 'default', serverName: 'a.example:443' })],
    ['serverName with a wildcard', () => ({ roots: 'default', serverName: '*.example' })],
    ['serverName with a leading dot', () => ({ roots: 'default', serverName: '.example' })],
    ['pins: []', () => ({ roots: 'default', pins: [] })],
    ['pins alone', () => ({ pins: [held.spkiPin] })],
    ['a server name alone', () => ({ serverName: 'a.example' })],
    ['a version alone', () => ({ minVersion: 'TLSv1.3' })],
    ['crl beside an own certificate', () => ({ ca: named, crl })],
    ['crl beside authority: false', () => ({ ca: root, authority: false, crl })],
    ['crl beside both kinds', () => ({ ca: [root, named], crl })],
    [
      'allowExpired under the roots',
      () => ({ roots: 'default', pins: [held.spkiPin], allowExpired: true }),
    ],
    [
      "authority beside identity 'pin'",
      () => ({ identity: 'pin', pins: [held.spkiPin], authority: false }),
    ],
    ['pins: 5', () => ({ roots: 'default', pins: 5 })],
    ['a pin that is none', () => ({ roots: 'default', pins: [held.spkiPin, 'x'] })],
    ["identity: 'pin' without pins", () => ({ identity: 'pin' })],
    ["identity: 'any'", () => ({ identity: 'any', pins: [held.spkiPin] })],
    ["identity: 'unchecked', which data cannot say", () => ({ identity: 'unchecked' })],
    ["ca beside identity: 'pin'", () => ({ identity: 'pin', pins: [held.spkiPin], ca: held.pem })],
    ['allowExpired without pins', () => ({ ca: held.pem, allowExpired: true })],
    ['allowExpired: 1', () => ({ roots: 'default', pins: [held.spkiPin], allowExpired: 1 })],
    ['authority without ca', () => ({ authority: true })],
    ["authority: 'yes'", () => ({ ca: held.pem, authority: 'yes' })],
    ['crl: a certificate', () => ({ ca: held.pem, crl: held.pem })],
    ['crl: garbage', () => ({ ca: held.pem, crl: 'garbage' })],
    ["crl: ''", () => ({ ca: held.pem, crl: '' })],
    [
      'a client certificate without key',
      () => ({ roots: 'default', clientCertificate: { cert: held.pem } }),
    ],
    [
      'a client key without certificate',
      () => ({ roots: 'default', clientCertificate: { key: held.keyPem } }),
    ],
    [
      'a client key of another certificate',
      () => ({
        roots: 'default',
        clientCertificate: { cert: held.pem, key: other.keyPem },
      }),
    ],
    [
      'cert and key the other way round',
      () => ({
        roots: 'default',
        clientCertificate: { cert: held.keyPem, key: held.pem },
      }),
    ],
    ['what JSON makes of a dangerous trust', () => JSON.parse(JSON.stringify(dangerous()))],
    ['serverName that is a URL', () => ({ roots: 'default', serverName: 'https://a.example' })],
  ];
  it.each(refused)('refuses %s', (_what, trust) => {
    expect(() => checkTrustPolicy(trust() as TrustInput)).toThrow(TlsConfigError);
  });

  it("takes anchors with server names for a server's own, unless `authority` says otherwise", async () => {
    const named = await heldCertificate({ isCa: true, ip: ['127.0.0.1'] });
    const authority = await heldCertificate({ isCa: true });
    const ca = [named.pem, authority.pem];
    const kinds = (policy: TrustPolicy) => {
      const { ownCertificates, authorities, trustsChains } = checkTrustPolicy(policy);
      const own = ownCertificates.map((raw) => new X509Certificate(raw).fingerprint256);
      return { own, authorities: authorities.map((one) => one.fingerprint256), trustsChains };
    };
    const [one, two] = [named.fingerprint, authority.fingerprint];
    expect(kinds({ ca })).toEqual({ own: [one], authorities: [two], trustsChains: true });
    expect(kinds({ ca, authority: true })).toEqual({
      own: [],
      authorities: [one, two],
      trustsChains: true,
    });
    expect(kinds({ ca, authority: false })).toEqual({
      own: [one, two],
      authorities: [],
      trustsChains: false,
    });
  });

  it('takes a checked policy as it is, and nothing that only looks like one', () => {
    const policy = checkTrustPolicy(held.pem);
    expect(checkTrustPolicy(policy)).toBe(policy);
    const copy = { ...policy };
    expect(() => checkTrustPolicy(copy)).toThrow(TlsConfigError);
    expect(() => checkTrustPolicy(JSON.parse(JSON.stringify(policy)))).toThrow(TlsConfigError);
  });

  it('opens an encrypted client key with its passphrase only, and shows nothing of either', () => {
    const key = createPrivateKey(held.keyPem)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter2' })
      .toString();
    const cert = held.pem;
    const policy = checkTrustPolicy({
      roots: 'default',
      clientCertificate: { cert, key, passphrase: 'hunter2' },
    });
    expect(policy.clientCertificate?.leaf.fingerprint256).toBe(held.fingerprint);
    expect(inspect(policy, { depth: 9, showHidden: true }) + JSON.stringify(policy)).not.toMatch(
      /hunter2|PRIVATE/,
    );
    for (const clientCertificate of [
      { cert, key },
      { cert, key, passphrase: 'wrong' },
    ]) {
      const error = errorOf(() => checkTrustPolicy({ roots: 'default', clientCertificate }));
      expect(error).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
      expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2|wrong|PRIVATE/);
    }
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

describe('a certificate that carries another one as PEM in a comment', () => {
  it('is the anchor itself, and not the one that is hidden in it', () => {
    const decoy = Buffer.from(`\n${other.pem}`);
    const { der } = makeCertificate({ extensions: [extension('2.16.840.1.113730.1.13', decoy)] });
    for (const authority of [true, false]) {
      const { anchors, authorities } = checkTrustPolicy({ ca: der, authority });
      expect(anchors.map(({ raw }) => raw.equals(der))).toEqual([true]);
      expect(authorities.map(({ raw }) => raw.equals(der))).toEqual(authority ? [true] : []);
    }
  });
});
