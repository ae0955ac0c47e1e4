import { describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  heldCertificate,
} from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { accepted, ca, DAY_MS, held, LOCALHOST, leaf, now, policy } from './decide-setup.js';

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
  it('does not trust what its key signed, even where OpenSSL does', async () => {
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
