import { describe, expect, it } from 'vitest';
import {
  fetchPeerCertificate,
  makeCustomClientFactory,
  type TrustPolicy,
} from '../../src/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { checkTrustPolicy } from '../../src/trust/check-trust-policy.js';
import { covers } from '../../src/trust/covers.js';
import { askOnce } from '../support/ask-once.js';
import { byOwn, byPin, ENDED, HOUR_MS, SELF_SIGNED, verdict } from './guards-setup.js';
import { codeOf } from './support/code-of.js';
import { certificatePin, patched, utcTime } from './support/crafted.js';

describe.each([
  ['a pin', byPin],
  ['an own certificate', byOwn],
])('under %s, which sets the verdict of OpenSSL aside', (_, under) => {
  it('a fit leaf is trusted', async () => {
    const leaf = await heldCertificate();
    expect(verdict(under(leaf), [leaf], SELF_SIGNED)).toBe('trusted');
  });

  it.each<readonly [string, string, object]>([
    ['that has ended', 'MCP_TLS_EXPIRED', ENDED],
    [
      'that is not valid yet',
      'MCP_TLS_NOT_YET_VALID',
      { notBefore: new Date(Date.now() + HOUR_MS) },
    ],
    ['for clients only', 'MCP_TLS_WRONG_USAGE', { extendedKeyUsages: ['clientAuth'] }],
    ['whose key may only sign', 'MCP_TLS_WRONG_USAGE', { keyUsages: ['keyCertSign'] }],
    [
      'with a critical extension that nobody knows',
      'MCP_TLS_CHAIN_REFUSED',
      { unknownCriticalExtension: true },
    ],
  ])('a leaf %s is refused', async (_name, code, options) => {
    const leaf = await heldCertificate(options);
    expect(verdict(under(leaf), [leaf], SELF_SIGNED)).toBe(code);
  });

  it.each([
    ['notBefore', 'MCP_TLS_NOT_YET_VALID'],
    ['notAfter', 'MCP_TLS_EXPIRED'],
  ] as const)('a leaf with a %s that cannot be read is refused', async (field, code) => {
    const times = {
      notBefore: new Date('2001-02-03T04:05:06Z'),
      notAfter: new Date('2047-02-03T04:05:06Z'),
    };
    const leaf = patched(await heldCertificate(times), utcTime(times[field]), '47ZZ03040506Z');
    expect(verdict(under(leaf), [leaf], SELF_SIGNED)).toBe(code);
    // Not even where an end is excused: what cannot be read is no end.
    const lenient = { ...under(leaf), pins: [leaf.spkiPin], allowExpired: true } as TrustPolicy;
    expect(verdict(lenient, [leaf], SELF_SIGNED)).toBe(code);
  });
});

it('an own certificate for another name is refused, and its pin alone is asked for none', async () => {
  const leaf = await heldCertificate({ dns: ['other.example'] });
  expect(verdict(byOwn(leaf), [leaf], SELF_SIGNED)).toBe('MCP_TLS_NAME_MISMATCH');
  expect(verdict(byPin(leaf), [leaf], SELF_SIGNED)).toBe('trusted');
});

it('a chain is trusted only where OpenSSL was asked and accepted it', async () => {
  const root = await heldCertificate({ isCa: true });
  const leaf = await heldCertificate({ signedBy: root });
  const trust = byOwn(root);
  expect(verdict(trust, [leaf], null)).toBe('trusted');
  expect(verdict(trust, [leaf], undefined)).toBe('MCP_TLS_CHAIN_REFUSED');
  expect(verdict(trust, [leaf], 'UNSPECIFIED')).toBe('MCP_TLS_CHAIN_REFUSED');
  const lenient = { ...trust, pins: [leaf.spkiPin], allowExpired: true } as const;
  expect(verdict(lenient, [leaf], 'CERT_HAS_EXPIRED')).toBe('MCP_TLS_EXPIRED');
});

describe('an ended leaf under allowExpired, below an authority', () => {
  const under = (root: HeldCertificate, leaf: HeldCertificate): TrustPolicy => ({
    ca: root.pem,
    pins: [leaf.spkiPin],
    allowExpired: true,
  });
  const judged = async (root: HeldCertificate, above: readonly HeldCertificate[], more = {}) => {
    const signedBy = above[0] ?? root;
    const leaf = await heldCertificate({ signedBy, ...ENDED, ...more });
    return verdict(under(root, leaf), [leaf, ...above], 'CERT_HAS_EXPIRED');
  };

  it('is trusted where the rest is in order, an intermediate included', async () => {
    const root = await heldCertificate({ isCa: true });
    const above = await heldCertificate({ isCa: true, signedBy: root });
    expect(await judged(root, [])).toBe('trusted');
    expect(await judged(root, [above])).toBe('trusted');
  });

  it('is refused with a SHA-1 signature', async () => {
    expect(await judged(await heldCertificate({ isCa: true }), [], { hash: 'sha1' })).toBe(
      'MCP_TLS_EXPIRED',
    );
  });

  it.each<readonly [string, object]>([
    ['is no authority', { keyUsages: [], extendedKeyUsages: [] }],
    ['has ended', { isCa: true, ...ENDED }],
    ['has RSA of 1024 bits', { isCa: true, key: 'rsa1024' }],
    ['was signed over SHA-1', { isCa: true, hash: 'sha1' }],
  ])('is refused where its issuer %s', async (_, options) => {
    const root = await heldCertificate({ isCa: true });
    const issuer = await heldCertificate({ signedBy: root, ...options });
    expect(await judged(root, [issuer])).toBe('MCP_TLS_EXPIRED');
  });

  it('is refused where the path is longer than its authority allows', async () => {
    const root = await heldCertificate({ isCa: true, pathLength: 0 });
    const issuer = await heldCertificate({ isCa: true, signedBy: root });
    expect(await judged(root, [])).toBe('trusted');
    expect(await judged(root, [issuer])).toBe('MCP_TLS_EXPIRED');
  });

  it('is refused below an authority with name constraints', async () => {
    const nameConstraints = { permittedDns: ['localhost'] };
    const root = await heldCertificate({ isCa: true, nameConstraints });
    expect(await judged(root, [])).toBe('MCP_TLS_EXPIRED');
    // Where they are not marked as critical, as many authorities have them.
    const mild = patched(root, '\x55\x1d\x1e\x01\x01\xff', '\x55\x1d\x1e\x01\x01\x00');
    expect(await judged(mild, [])).toBe('MCP_TLS_EXPIRED');
  });
});

describe('a policy', () => {
  it('with authority: false has own certificates only, named or not', async () => {
    const { pem: certificatePem } = await heldCertificate({ isCa: true });
    const denied = checkTrustPolicy({ ca: certificatePem, authority: false });
    expect(denied.authorities).toEqual([]);
    expect(denied.ownCertificates).toHaveLength(1);
    expect(checkTrustPolicy({ ca: certificatePem }).authorities).toHaveLength(1);
  });

  it('is refused with a field that is undefined, which a policy without it would not say', async () => {
    const { pem: ca, spkiPin } = await heldCertificate({ isCa: true });
    for (const field of ['pins', 'crl', 'authority', 'serverName', 'minVersion', 'roots']) {
      const trust = { ca, [field]: undefined } as never;
      expect(() => checkTrustPolicy(trust), field).toThrow(/undefined/);
    }
    expect(() => checkTrustPolicy({ ca, pins: [spkiPin], serverName: null } as never)).toThrow();
  });

  it('has allowExpired or revocation lists, since an end would hide a revocation', async () => {
    const root = await heldCertificate({ isCa: true });
    const { pem: ca, spkiPin } = root;
    const both = { ca, pins: [spkiPin], allowExpired: true, crl: revocationList({ issuer: root }) };
    expect(() => checkTrustPolicy(both)).toThrow(/allowExpired and trust\.crl/);
  });

  it('with other revocation lists has another secure context', async () => {
    const root = await heldCertificate({ isCa: true });
    const [revoked, other] = [
      await heldCertificate({ signedBy: root }),
      await heldCertificate({ signedBy: root }),
    ];
    const under = (one: HeldCertificate) => ({
      ca: root.pem,
      crl: revocationList({ issuer: root, revoked: [one] }),
    });
    await using server = await startTlsServer({ certificate: revoked });
    const first = makeCustomClientFactory(under(other));
    expect((await first()(server.url)).status).toBe(200);
    // The first one is still there, and with it its context.
    expect(await askOnce(server.url, under(revoked))).toBe('MCP_TLS_REVOKED');
    await first.close();
  });

  it('does not cover another that trusts more: pins, roots, certificates', async () => {
    const [a, b] = [await heldCertificate(), await heldCertificate()];
    const root = (await heldCertificate({ isCa: true })).pem;
    const isCovered = (before: TrustPolicy, after: TrustPolicy) =>
      covers(checkTrustPolicy(after), checkTrustPolicy(before));
    const pinned = (...pins: string[]) => ({ ca: root, pins });
    expect(isCovered(pinned(a.spkiPin), pinned(a.spkiPin, b.spkiPin))).toBe(true);
    expect(isCovered(pinned(a.spkiPin, b.spkiPin), pinned(a.spkiPin))).toBe(false);
    expect(isCovered({ ca: root }, pinned(a.spkiPin))).toBe(false);
    expect(isCovered({ ca: root, roots: 'default' }, { ca: root })).toBe(false);
    expect(isCovered({ ca: root }, { ca: root, roots: 'default' })).toBe(true);
    const both = { ca: [a.pem, b.pem] };
    expect(isCovered(both, { ca: a.pem })).toBe(false);
    expect(isCovered({ ca: a.pem }, both)).toBe(true);
    expect(isCovered({ ca: root }, { ca: root, minVersion: 'TLSv1.3' })).toBe(false);
  });
});

it('a key of RSA 1024 below an authority is refused on every Node.js line', async () => {
  const root = await heldCertificate({ isCa: true });
  const certificate = await heldCertificate({ key: 'rsa1024', signedBy: root });
  await using server = await startTlsServer({ certificate });
  expect(await askOnce(server.url, root.pem)).toBe('MCP_TLS_WEAK');
  expect(server.records.applicationBytes).toBe(0);
});

it('fetchPeerCertificate rejects where the expected fingerprint is not met', async () => {
  const [shown, other] = [await heldCertificate(), await heldCertificate()];
  await using server = await startTlsServer({ certificate: shown });
  const probe = (expectFingerprint: string) =>
    codeOf(fetchPeerCertificate(server.url, { expectFingerprint }));
  expect(await probe(certificatePin(shown))).toBe('resolved');
  expect(await probe(shown.spkiPin)).toBe('resolved');
  expect(await probe(certificatePin(other))).toBe('MCP_TLS_FINGERPRINT_MISMATCH');
  expect(await probe(other.spkiPin)).toBe('MCP_TLS_FINGERPRINT_MISMATCH');
});

it('a server that no client shakes hands with is read, and trusted under nothing', async () => {
  const certificate = await heldCertificate();
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  } as const;
  await using server = await startTlsServer({ certificate, ...old });
  const { pem: certificatePem, spkiPin } = certificate;
  for (const trust of [certificatePem, { identity: 'pin', pins: [spkiPin] } as const, null]) {
    const peer = await fetchPeerCertificate(server.url, { trust });
    expect(peer.description.fingerprint).toBe(certificate.fingerprint);
    expect(peer.trusted).toBe(false);
    expect(peer.problems.map(({ code }) => code)).toContain('old-protocol');
    expect(peer.suggestedPolicy).toBeUndefined();
  }
});
