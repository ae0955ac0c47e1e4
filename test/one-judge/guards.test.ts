import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, publicAddressesOnly } from '../../src/connect/address.js';
import {
  type AllowAddress,
  createCertificateStore,
  createServerRegistry,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type TrustPolicy,
} from '../../src/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { checkTrustPolicy } from '../../src/trust/check-trust-policy.js';
import { covers } from '../../src/trust/covers.js';
import { decide } from '../../src/trust/decide.js';
import { readReferenceIdentity } from '../../src/trust/reference-identity.js';
import { askOnce } from '../support/ask-once.js';
import { eventually } from '../support/waiting.js';
import { codeOf } from './support/code-of.js';
import { certificatePin, patched, utcTime } from './support/crafted.js';
import { scratchRegistry } from './support/scratch-registry.js';

/** Guards that no other test would miss: `npm run test:mutations` disables each of them. */

const HOUR_MS = 3_600_000;
const ENDED = {
  notBefore: new Date(Date.now() - 48 * HOUR_MS),
  notAfter: new Date(Date.now() - HOUR_MS),
};

/** What `decide` says of a whole chain at 127.0.0.1. */
function verdict(
  trust: TrustPolicy,
  chain: readonly HeldCertificate[],
  chainError: string | null | undefined,
): string {
  const presentation = {
    chain: chain.map(({ certificate }) => certificate),
    isWhole: true,
    chainError,
  };
  const identity = readReferenceIdentity('127.0.0.1');
  const { trusted, ...rest } = decide(checkTrustPolicy(trust), presentation, identity, new Date());
  return trusted ? 'trusted' : (rest as { reason: string }).reason;
}

const SELF_SIGNED = 'DEPTH_ZERO_SELF_SIGNED_CERT';

const byPin = ({ spkiPin }: HeldCertificate): TrustPolicy => ({
  identity: 'pin',
  pins: [spkiPin],
});
const byOwn = ({ pem: certificatePem }: HeldCertificate): TrustPolicy => ({ ca: certificatePem });

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

describe('allowAddress', () => {
  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['a truthy value', 'yes'],
    ['a promise of 1', Promise.resolve(1)],
    ['false', false],
  ])('that answers %s refuses, for a name and for an address', async (_, answer) => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const allowAddress = (() => answer) as AllowAddress;
    const ask = (url: string) => askOnce(url, certificate.pem, { allowAddress });
    expect(await ask(server.url)).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await ask(server.urlFor('localhost'))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(server.records.connections).toBe(0);
  });

  it('is asked in one spelling, however a lookup spells the address', async () => {
    const certificate = await heldCertificate({ dns: ['a.test'] });
    await using server = await startTlsServer({ certificate });
    const asked: string[] = [];
    const allowAddress: AllowAddress = (address) => asked.push(address) < 0;
    for (const address of ['::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '0:0::FFFF:127.0.0.1']) {
      const lookup = (_: string, __: object, done: (...answer: never[]) => void) =>
        done(...([null, [{ address, family: 6 }]] as never[]));
      const options = { allowAddress, lookup: lookup as never };
      const url = server.urlFor('a.test');
      expect(await askOnce(url, certificate.pem, options)).toBe('MCP_TLS_ADDRESS_REFUSED');
    }
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    expect(server.records.connections).toBe(0);
  });

  it('says of one port nothing about another of the same host', async () => {
    const certificate = await heldCertificate();
    await using one = await startTlsServer({ certificate });
    await using other = await startTlsServer({ certificate });
    const allowAddress: AllowAddress = (_, { port }) => port === one.port;
    await using scratch = scratchRegistry({ allowAddress });
    const trust = certificate.pem;
    const url = (server: typeof one) => server.urlFor('localhost', '/mcp');
    expect(await codeOf(scratch.registry.register('a', url(one), { trust }))).toBe('resolved');
    expect(await codeOf(scratch.registry.register('b', url(other), { trust }))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
    const factory = await scratch.registry.clientFactory('a');
    await codeOf(factory()(url(other)));
    one.dropConnections();
    expect((await factory()(url(one))).status).toBe(200);
    expect(other.records.connections).toBe(0);
  });

  it('has a ready-made hook that allows public addresses only', () => {
    const inner = ['0.0.0.0', '0.1.2.3', '10.0.0.1', '127.0.0.1', '169.254.169.254', '192.168.0.1'];
    const inner6 = ['::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2002:7f00:1::'];
    const mapped = ['::ffff:127.0.0.1', '0:0:0:0:0:ffff:a00:1', '64:ff9b::7f00:1'];
    for (const address of [...inner, ...inner6, ...mapped, 'nowhere', '']) {
      expect(publicAddressesOnly(address), address).toBe(false);
    }
    for (const address of ['1.1.1.1', '2606:4700:4700::1111', '::ffff:1.1.1.1']) {
      expect(publicAddressesOnly(address), address).toBe(true);
    }
    expect(canonicalAddress('0:0:0:0:0:ffff:7f00:1')).toBe('127.0.0.1');
  });
});

describe('the registry', () => {
  it('takes only true for an approval, and a first use only where nothing is on record', async () => {
    const [certificate, next] = [await heldCertificate(), await heldCertificate()];
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    for (const answer of [undefined, 1, 'yes', Promise.resolve({})]) {
      const approve = () => answer as never;
      expect(await codeOf(registry.register('a', server.url, { approve }))).toBe(
        'MCP_TLS_APPROVAL_REQUIRED',
      );
    }
    const wrong = { expectFingerprint: certificatePin(next) };
    expect(await codeOf(registry.register('a', server.url, wrong))).toBe(
      'MCP_TLS_FINGERPRINT_MISMATCH',
    );
    expect(await scratch.stored()).toEqual([]);
    const first = { trustOnFirstUse: true } as const;
    await registry.register('a', server.url, first);
    server.rotate(next);
    expect(await codeOf(registry.register('a', server.url, first))).toBe(
      'MCP_TLS_ALREADY_REGISTERED',
    );
    const replacing = registry.register('a', server.url, { ...first, replace: true });
    expect(await codeOf(replacing)).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect((await registry.get('a')).fingerprint).toBe(certificate.fingerprint);
  });

  it('stores no change that does not work, and makes no own certificate of a stranger', async () => {
    const root = await heldCertificate({ isCa: true });
    const certificate = await heldCertificate({ signedBy: root });
    const stranger = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    await registry.register('a', server.url, { trust: root.pem });
    const before = await registry.get('a');
    const change = registry.update('a', { trust: stranger.pem });
    expect(await codeOf(change)).toMatch(/^MCP_TLS_/);
    expect(await registry.get('a')).toEqual(before);
    server.rotate(stranger);
    const expectFingerprint = certificatePin(stranger);
    expect(await codeOf(registry.renew('a', { expectFingerprint }))).toMatch(/^MCP_TLS_/);
    expect(await registry.get('a')).toEqual(before);
  });

  it('renews nothing whose approval is over', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const expiresAt = new Date(Date.now() + 300);
    const trust = certificate.pem;
    await scratch.registry.register('a', server.url, { trust, expiresAt });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await codeOf(scratch.registry.renew('a'))).toBe('MCP_TLS_STORE_EXPIRED');
    const replacing = { trustOnFirstUse: true, replace: true } as const;
    const replaced = scratch.registry.register('a', server.url, replacing);
    expect(await codeOf(replaced)).toBe('MCP_TLS_APPROVAL_REQUIRED');
  });

  it('revokes at once while somebody is asked, and what was under way stores nothing', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    let answer: (approved: boolean) => void = () => {};
    let asked = false;
    const approve = () => {
      asked = true;
      return new Promise<boolean>((resolve) => {
        answer = resolve;
      });
    };
    const registering = codeOf(registry.register('a', server.url, { approve }));
    await eventually(() => expect(asked).toBe(true));
    await registry.revoke('a');
    expect(await Promise.race([registering, later(1000)])).toBe('MCP_TLS_NOT_REGISTERED');
    answer(true);
    await later(50);
    expect(await scratch.stored()).toEqual([]);
  });

  it('ends connections on a revocation before the store has deleted anything', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate, keepAliveMs: 0 });
    const keys = [{ id: 'k1', key: randomBytes(32) }];
    const store = createCertificateStore({ keys, storage: 'memory' });
    const stuck = { ...store, delete: () => new Promise<boolean>(() => {}) };
    const registry = createServerRegistry({ store: stuck });
    await registry.register('a', server.url, { trust: certificate.pem });
    const factory = await registry.clientFactory('a');
    await (await factory()(server.url)).text();
    expect(server.openConnections).toBe(1);
    void registry.revoke('a');
    // Sooner than an idle connection would be closed.
    await eventually(() => expect(server.openConnections).toBe(0), 2000);
    await registry.close();
    await store.close();
  });
});

function later(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'still waiting'));
}
