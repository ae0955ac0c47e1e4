import { beforeAll, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  heldCertificate,
} from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { readReferenceIdentity } from '../../../src/trust/reference-identity.js';

const LOCALHOST = readReferenceIdentity('localhost');
const DAY_MS = 86_400_000;
const now = new Date();

let held: HeldCertificate;
let ca: HeldCertificate;
let leaf: HeldCertificate;

beforeAll(async () => {
  held = await heldCertificate();
  ca = await heldCertificate({ isCa: true });
  leaf = await heldCertificate({ signedBy: ca });
});

const policy = () => checkTrustPolicy(held.pem);
const byCa = () => checkTrustPolicy(ca.pem);
const accepted = () => ({ chain: [held.certificate], chainError: null, isWhole: true });

describe('decide', () => {
  it('trusts an accepted chain with the right name at the right time', () => {
    expect(decide(policy(), accepted(), LOCALHOST, now)).toEqual({
      trusted: true,
      by: 'certificate',
    });
    const chained = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(byCa(), chained, LOCALHOST, now)).toEqual({ trusted: true, by: 'chain' });
  });

  it('never trusts where there is no certificate, whatever OpenSSL said', () => {
    const nothing = { chain: [], chainError: null, isWhole: true };
    expect(decide(policy(), nothing, LOCALHOST, now)).toMatchObject({ trusted: false });
  });

  it('refuses another name, and says which names were presented', () => {
    const verdict = decide(policy(), accepted(), readReferenceIdentity('other.example'), now);
    expect(verdict).toMatchObject({
      trusted: false,
      reason: 'MCP_TLS_NAME_MISMATCH',
      expected: 'DNS:other.example',
      presented: expect.stringContaining('DNS:localhost'),
    });
  });

  it('says that a common name is no name, for the certificate that has nothing else', async () => {
    const bare = await heldCertificate({ commonName: '10.0.0.5', san: 'none' });
    const presentation = { chain: [bare.certificate], chainError: null, isWhole: true };
    expect(decide(byCa(), presentation, readReferenceIdentity('10.0.0.5'), now)).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
      presented: expect.stringContaining('CN=10.0.0.5'),
      hint: expect.stringContaining('subjectAltName'),
    });
  });

  it.each([
    ['before it', -2, 'MCP_TLS_NOT_YET_VALID'],
    ['after it', 31, 'MCP_TLS_EXPIRED'],
  ])('holds the validity against the given now: %s', (_when, days, reason) => {
    const then = new Date(now.getTime() + days * DAY_MS);
    expect(decide(policy(), accepted(), LOCALHOST, then)).toMatchObject({ reason });
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'MCP_TLS_SELF_SIGNED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['CERT_HAS_EXPIRED', 'MCP_TLS_EXPIRED'],
    ['CERT_NOT_YET_VALID', 'MCP_TLS_NOT_YET_VALID'],
    ['INVALID_PURPOSE', 'MCP_TLS_WRONG_USAGE'],
    ['INVALID_CA', 'MCP_TLS_WRONG_USAGE'],
    ['PATH_LENGTH_EXCEEDED', 'MCP_TLS_WRONG_USAGE'],
    ['CERT_SIGNATURE_FAILURE', 'MCP_TLS_CHAIN_REFUSED'],
    ['CERT_REVOKED', 'MCP_TLS_REVOKED'],
    ['key too weak', 'MCP_TLS_WEAK'],
    ['UNSPECIFIED', 'MCP_TLS_CHAIN_REFUSED'],
    ['A_CODE_OF_THE_FUTURE', 'MCP_TLS_CHAIN_REFUSED'],
    ['', 'MCP_TLS_CHAIN_REFUSED'],
    ['constructor', 'MCP_TLS_CHAIN_REFUSED'],
    ['undefined', 'MCP_TLS_CHAIN_REFUSED'],
  ])("takes OpenSSL's %s for %s", (chainError, reason) => {
    const presentation = { chain: [leaf.certificate], chainError, isWhole: true };
    expect(decide(byCa(), presentation, LOCALHOST, now)).toMatchObject({
      trusted: false,
      reason,
      detail: chainError,
    });
  });

  it('tells a chain that ends early from an issuer that nobody knows', async () => {
    const issuerUrls = ['http://ca.example/ca.crt'];
    const corporate = await heldCertificate({ signedBy: ca, issuerUrls });
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const presentation = { chain: [corporate.certificate], chainError, isWhole: true };
    expect(decide(byCa(), presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_INCOMPLETE_CHAIN',
    });
  });

  it('shows expected and presented fingerprints, and no PEM', () => {
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const verdict = decide(
      policy(),
      { chain: [leaf.certificate], chainError, isWhole: true },
      LOCALHOST,
      now,
    );
    expect(verdict).toMatchObject({
      expected: expect.stringContaining(held.fingerprint),
      presented: expect.stringContaining(leaf.fingerprint),
    });
    expect(JSON.stringify(verdict)).not.toContain('BEGIN');
  });

  it.each(['UNABLE_TO_GET_CRL', 'CRL_HAS_EXPIRED', 'CRL_SIGNATURE_FAILURE'])(
    "takes %s for a list's fault only below an anchor; else the stranger comes first",
    (chainError) => {
      const presentation = { chain: [leaf.certificate], chainError, isWhole: true };
      const below = checkTrustPolicy(ca.pem);
      expect(decide(below, presentation, LOCALHOST, now)).toMatchObject({
        reason: 'MCP_TLS_CRL_UNUSABLE',
      });
      expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({
        reason: 'MCP_TLS_UNKNOWN_ISSUER',
      });
    },
  );
});

describe('decide with pins', () => {
  const pinOnly = (more: object = {}) =>
    checkTrustPolicy({ identity: 'pin', pins: [held.spkiPin], ...more });
  const other = readReferenceIdentity('other.example');
  const after = new Date(now.getTime() + 60 * DAY_MS);
  const before = new Date(now.getTime() - 60 * DAY_MS);

  it('asks for the pin besides the chain and the name', () => {
    const withCa = checkTrustPolicy({ ca: ca.pem, pins: [held.spkiPin] });
    expect(decide(withCa, accepted(), LOCALHOST, now)).toEqual({
      trusted: true,
      by: 'chain and pin',
    });
    const foreign = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(withCa, foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
      expected: held.spkiPin,
      presented: expect.stringContaining(leaf.spkiPin),
    });
    expect(decide(withCa, accepted(), other, now)).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
    });
    const refused = {
      chain: [held.certificate],
      chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      isWhole: true,
    };
    expect(decide(withCa, refused, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_SELF_SIGNED',
    });
  });

  it("with identity 'pin', asks for the pin alone, and for the validity", () => {
    const refused = {
      chain: [held.certificate],
      chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      isWhole: true,
    };
    expect(decide(pinOnly(), refused, other, now)).toEqual({ trusted: true, by: 'pin' });
    expect(decide(pinOnly(), refused, other, after)).toMatchObject({ reason: 'MCP_TLS_EXPIRED' });
    expect(decide(pinOnly(), refused, other, before)).toMatchObject({
      reason: 'MCP_TLS_NOT_YET_VALID',
    });
    const foreign = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(pinOnly(), foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
    expect(
      decide(pinOnly(), { chain: [], chainError: null, isWhole: true }, LOCALHOST, now),
    ).toMatchObject({
      trusted: false,
    });
  });

  it('a pin of an issuer above does not match', () => {
    const pinOfCa = checkTrustPolicy({ ca: ca.pem, pins: [ca.spkiPin] });
    const chain = { chain: [leaf.certificate, ca.certificate], chainError: null, isWhole: true };
    expect(decide(pinOfCa, chain, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
  });

  it('allowExpired excuses the end of an own or pinned certificate, and nothing else', () => {
    const lenient = checkTrustPolicy({
      ca: held.pem,
      pins: [held.spkiPin],
      allowExpired: true,
    });
    const ended = { chain: [held.certificate], chainError: 'CERT_HAS_EXPIRED', isWhole: true };
    expect(decide(lenient, ended, LOCALHOST, after)).toMatchObject({ trusted: true });
    expect(decide(lenient, ended, other, after)).toMatchObject({ reason: 'MCP_TLS_NAME_MISMATCH' });
    expect(decide(lenient, ended, LOCALHOST, before)).toMatchObject({
      reason: 'MCP_TLS_NOT_YET_VALID',
    });
    expect(decide(pinOnly({ allowExpired: true }), ended, other, after)).toMatchObject({
      trusted: true,
    });
  });
});

describe('allowExpired below an authority', () => {
  const twoDaysAgo = new Date(now.getTime() - 2 * DAY_MS);
  const dayAgo = new Date(now.getTime() - DAY_MS);
  const ended = { notBefore: twoDaysAgo, notAfter: dayAgo };

  async function judge(
    shown: HeldCertificate,
    { above = [] as readonly HeldCertificate[], chainError = 'CERT_HAS_EXPIRED', trust = ca } = {},
  ) {
    const policy = checkTrustPolicy({
      ca: trust.pem,
      pins: [shown.spkiPin],
      allowExpired: true,
    });
    const chain = [shown, ...above].map(({ certificate }) => certificate);
    return decide(policy, { chain, chainError, isWhole: true }, LOCALHOST, now);
  }

  it('trusts an expired leaf that the authority issued', async () => {
    const shown = await heldCertificate({ signedBy: ca, ...ended });
    expect(await judge(shown)).toEqual({ trusted: true, by: 'chain and pin' });
  });

  it('trusts an expired leaf that an intermediate of the authority issued', async () => {
    const between = await heldCertificate({ isCa: true, signedBy: ca });
    const shown = await heldCertificate({ signedBy: between, ...ended });
    expect(await judge(shown, { above: [between] })).toMatchObject({ trusted: true });
    // In any order, and with others in between.
    const stranger = await heldCertificate({ isCa: true });
    expect(await judge(shown, { above: [stranger, ca, between] })).toMatchObject({ trusted: true });
    expect(await judge(shown)).toMatchObject({ trusted: false });
  });

  it.each<[string, () => Promise<[HeldCertificate, ...HeldCertificate[]]>]>([
    [
      "a stranger's authority, with the pinned key",
      async () => {
        const stranger = await heldCertificate({ isCa: true });
        return [await heldCertificate({ signedBy: stranger, ...ended }), stranger];
      },
    ],
    [
      'a broken signature',
      async () => [await heldCertificate({ signedBy: ca, ...ended, defect: 'broken-signature' })],
    ],
    [
      'an intermediate that has expired, too',
      async () => {
        const between = await heldCertificate({ isCa: true, signedBy: ca, ...ended });
        return [await heldCertificate({ signedBy: between, ...ended }), between];
      },
    ],
    [
      'an intermediate that is no authority',
      async () => {
        const between = await heldCertificate({ signedBy: ca });
        return [await heldCertificate({ signedBy: between, ...ended }), between];
      },
    ],
    [
      'a path that is too long',
      async () => {
        const short = await heldCertificate({ isCa: true, signedBy: ca, pathLength: 0 });
        const between = await heldCertificate({ isCa: true, signedBy: short });
        return [await heldCertificate({ signedBy: between, ...ended }), between, short];
      },
    ],
    [
      'name constraints',
      async () => {
        const nameConstraints = { permittedDns: ['localhost'] };
        const between = await heldCertificate({ isCa: true, signedBy: ca, nameConstraints });
        return [await heldCertificate({ signedBy: between, ...ended }), between];
      },
    ],
    [
      'a signature by SHA-1',
      async () => [await heldCertificate({ signedBy: ca, hash: 'sha1', ...ended })],
    ],
    [
      'the usage of a client',
      async () => [
        await heldCertificate({ signedBy: ca, extendedKeyUsages: ['clientAuth'], ...ended }),
      ],
    ],
    [
      'a weak key of an intermediate',
      async () => {
        const between = await heldCertificate({ isCa: true, signedBy: ca, key: 'rsa1024' });
        return [await heldCertificate({ signedBy: between, ...ended }), between];
      },
    ],
  ])('refuses an expired leaf with %s', async (_what, make) => {
    const [shown, ...above] = await make();
    expect(await judge(shown, { above })).toMatchObject({ trusted: false });
  });

  it('refuses any other objection, and a leaf that has not ended under an expired authority', async () => {
    const shown = await heldCertificate({ signedBy: ca, ...ended });
    for (const chainError of ['CERT_REVOKED', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED']) {
      expect(await judge(shown, { chainError })).toMatchObject({ trusted: false });
    }
    const old = await heldCertificate({ isCa: true, ...ended });
    const valid = await heldCertificate({ signedBy: old });
    expect(await judge(valid, { above: [old] })).toMatchObject({ reason: 'MCP_TLS_EXPIRED' });
    expect(await judge(valid, { trust: old })).toMatchObject({ reason: 'MCP_TLS_EXPIRED' });
  });
});

describe("decide and a server's own certificate", () => {
  it('does not let it vouch for what its key signed, even where OpenSSL does', async () => {
    const own = await heldCertificate({ isCa: true, dns: ['localhost'] });
    const rogue = await heldCertificate({ signedBy: own });
    const presentation = {
      chain: [rogue.certificate, own.certificate],
      chainError: null,
      isWhole: true,
    };
    const byDefault = checkTrustPolicy(own.pem);
    expect(decide(byDefault, presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_UNKNOWN_ISSUER',
      message: expect.stringContaining('not as an authority'),
    });
    const itself = { chain: [own.certificate], chainError: null, isWhole: true };
    expect(decide(byDefault, itself, LOCALHOST, now)).toMatchObject({ trusted: true });
    const authority = checkTrustPolicy({ ca: own.pem, authority: true });
    expect(decide(authority, presentation, LOCALHOST, now)).toMatchObject({ trusted: true });
  });

  it('with authority: false, takes exactly these certificates', () => {
    const exact = checkTrustPolicy({ ca: ca.pem, authority: false });
    const presentation = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(exact, presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_UNKNOWN_ISSUER',
    });
  });

  it('does not ask what OpenSSL says, nor look at what is presented above it', () => {
    for (const chainError of ['INVALID_PURPOSE', 'CERT_HAS_EXPIRED', 'UNSPECIFIED', undefined]) {
      const chain = [held.certificate, leaf.certificate, ca.certificate];
      const presentation = { chain, chainError, isWhole: true };
      expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({ trusted: true });
    }
  });

  it('never trusts a chain where there are no authorities, whatever OpenSSL says', () => {
    const presentation = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({ trusted: false });
  });

  it('refuses a presentation of which not all was looked at', () => {
    const cut = { ...accepted(), isWhole: false };
    expect(decide(policy(), cut, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_CHAIN_REFUSED',
      detail: expect.stringContaining('more than 1'),
    });
  });

  it.each<[string, HeldCertificateOptions, string]>([
    ['an RSA key of 1024 bits', { key: 'rsa1024' }, 'MCP_TLS_WEAK'],
    ['the usage of a client', { extendedKeyUsages: ['clientAuth'] }, 'MCP_TLS_WRONG_USAGE'],
    ['any extended usage', { extendedKeyUsages: ['anyExtendedKeyUsage'] }, 'MCP_TLS_WRONG_USAGE'],
    ['the usage of an authority', { keyUsages: ['keyCertSign'] }, 'MCP_TLS_WRONG_USAGE'],
    ['an unknown critical extension', { unknownCriticalExtension: true }, 'MCP_TLS_CHAIN_REFUSED'],
    ['a repeated extension', { defect: 'duplicate-extension' }, 'MCP_TLS_CHAIN_REFUSED'],
  ])('refuses one with %s, by its bytes and under its pin', async (_what, options, reason) => {
    const own = await heldCertificate(options);
    const presentation = { chain: [own.certificate], chainError: null, isWhole: true };
    for (const trust of [
      own.pem,
      { ca: own.pem, authority: false },
      { identity: 'pin', pins: own.spkiPin },
      { identity: 'pin', pins: own.fingerprint },
    ] as const) {
      const verdict = decide(checkTrustPolicy(trust), presentation, LOCALHOST, now);
      expect(verdict).toMatchObject({ trusted: false, reason });
    }
  });

  it.each<[string, HeldCertificateOptions]>([
    ['a signature by SHA-1, on which nobody relies', { hash: 'sha1' }],
    ['Ed25519', { key: 'ed25519' }],
    ['P-521', { key: 'p521' }],
    ['RSA 2048', { key: 'rsa2048' }],
  ])('trusts one with %s', async (_what, options) => {
    const own = await heldCertificate(options);
    const presentation = { chain: [own.certificate], chainError: undefined, isWhole: true };
    const verdict = decide(checkTrustPolicy(own.pem), presentation, LOCALHOST, now);
    expect(verdict).toMatchObject({ trusted: true });
  });
});
