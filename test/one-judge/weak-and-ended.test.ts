import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, fetchPeerCertificate, type TrustInput } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { askOnce } from '../support/ask-once.js';
import { startAlternatingServer } from './support/alternating-server.js';
import { codeOf } from './support/code-of.js';
import { certificateOf, certificatePin, rsaKey } from './support/crafted.js';
import { type PresentingServer, present, type ServerSettings } from './support/present.js';
import { scratchRegistry } from './support/scratch-registry.js';

const HOUR_MS = 3_600_000;
const ENDED = {
  notBefore: new Date(Date.now() - 48 * HOUR_MS),
  notAfter: new Date(Date.now() - HOUR_MS),
};

let root: HeldCertificate;
let stranger: HeldCertificate;
let endedStranger: HeldCertificate;
let server: PresentingServer | undefined;

beforeAll(async () => {
  root = await heldCertificate({ isCa: true });
  stranger = await heldCertificate({ isCa: true });
  endedStranger = await heldCertificate({ isCa: true, ...ENDED });
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

async function show(
  chain: readonly HeldCertificate[],
  settings: ServerSettings = {},
): Promise<string> {
  server = await present(chain, settings);
  return `https://127.0.0.1:${server.port}/mcp`;
}

async function refuses(url: string, trust: TrustInput, code: string | RegExp): Promise<void> {
  expect(String(await askOnce(url, trust))).toMatch(code);
  const peer = await fetchPeerCertificate(url, { trust });
  expect(peer.trusted).toBe(false);
  expect(peer.problems).not.toEqual([]);
  await using scratch = scratchRegistry();
  expect(await codeOf(scratch.registry.register('a', url, { trust }))).toMatch(code);
  expect(await scratch.stored()).toEqual([]);
  expect(server?.bytes()).toBe(0);
}

describe.each([
  ['512', 'TLSv1.2'],
  ['768', 'TLSv1.2'],
  ['768', 'TLSv1.3'],
  ['1024', 'TLSv1.2'],
  ['1024', 'TLSv1.3'],
] as const)('an RSA key of %s bits over %s', (bits, maxVersion) => {
  let weak: HeldCertificate;
  beforeAll(async () => {
    weak = await certificateOf(rsaKey(Number(bits)));
  });

  it.each<readonly [string, (weak: HeldCertificate) => TrustInput]>([
    ['its key pinned', ({ spkiPin }) => ({ identity: 'pin', pins: [spkiPin] })],
    [
      'its key pinned, allowExpired',
      ({ spkiPin }) => ({ identity: 'pin', pins: [spkiPin], allowExpired: true }),
    ],
    ['its certificate pinned', (one) => ({ identity: 'pin', pins: [certificatePin(one)] })],
    ['itself as own certificate', ({ pem }) => ({ ca: pem })],
    [
      'itself as own certificate, pinned, allowExpired',
      ({ pem: certificatePem, spkiPin }) => ({
        ca: certificatePem,
        pins: [spkiPin],
        allowExpired: true,
      }),
    ],
  ])('is refused under %s', async (_, trust) => {
    await refuses(await show([weak], { maxVersion }), trust(weak), /^MCP_TLS_WEAK$/);
  });

  it('is not suggested, and not registered at first use', async () => {
    const url = await show([weak], { maxVersion });
    const peer = await fetchPeerCertificate(url);
    expect(peer.problems.map(({ code }) => code)).toContain('weak-key');
    expect(peer.suggestedPolicy).toBeUndefined();
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    const first = { trustOnFirstUse: true } as const;
    expect(await codeOf(registry.register('a', url, first))).toMatch(/^MCP_TLS_/);
    const key = { ...first, pin: 'key' } as const;
    expect(await codeOf(registry.register('a', url, key))).toMatch(/^MCP_TLS_/);
    expect(await scratch.stored()).toEqual([]);
  });
});

it('a certificate of RSA 2048 below a SHA-1 signature is taken where its key is pinned', async () => {
  const leaf = await certificateOf(rsaKey(2048), { signedBy: stranger, hash: 'sha1' });
  const url = await show([leaf]);
  expect(await askOnce(url, { identity: 'pin', pins: [leaf.spkiPin] })).toBe(200);
});

describe('allowExpired excuses the end of the leaf and nothing else', () => {
  const under = (leaf: HeldCertificate): TrustInput => ({
    ca: root.pem,
    pins: [leaf.spkiPin],
    allowExpired: true,
  });

  it('a leaf of the authority that has ended is accepted', async () => {
    const leaf = await heldCertificate({ signedBy: root, ...ENDED });
    const url = await show([leaf]);
    expect(await askOnce(url, under(leaf))).toBe(200);
    expect((await fetchPeerCertificate(url, { trust: under(leaf) })).problems).toEqual([]);
  });

  it.each<readonly [string, () => Promise<HeldCertificate[]>]>([
    [
      "a valid leaf below a stranger's ended authority",
      async () => [await heldCertificate({ signedBy: endedStranger }), endedStranger],
    ],
    [
      "an ended leaf below a stranger's ended authority",
      async () => [await heldCertificate({ signedBy: endedStranger, ...ENDED }), endedStranger],
    ],
    [
      'an ended leaf of a stranger',
      async () => [await heldCertificate({ signedBy: stranger, ...ENDED }), stranger],
    ],
    ['an ended leaf that signed itself', async () => [await heldCertificate(ENDED)]],
    [
      'an ended leaf with a broken signature',
      async () => [await heldCertificate({ signedBy: root, ...ENDED, defect: 'broken-signature' })],
    ],
    [
      "an ended leaf with another key's signature",
      async () => [
        await heldCertificate({ signedBy: root, ...ENDED, defect: 'foreign-signature' }),
      ],
    ],
    [
      'an ended leaf for clients',
      async () => [
        await heldCertificate({ signedBy: root, ...ENDED, extendedKeyUsages: ['clientAuth'] }),
      ],
    ],
    [
      'an ended leaf with an unknown critical extension',
      async () => [
        await heldCertificate({ signedBy: root, ...ENDED, unknownCriticalExtension: true }),
      ],
    ],
    [
      'an ended leaf below an ended intermediate of the authority',
      async () => {
        const intermediate = await heldCertificate({ isCa: true, signedBy: root, ...ENDED });
        return [await heldCertificate({ signedBy: intermediate, ...ENDED }), intermediate];
      },
    ],
    [
      'a leaf that is not valid yet',
      async () => [
        await heldCertificate({ signedBy: root, notBefore: new Date(Date.now() + HOUR_MS) }),
      ],
    ],
  ])('%s is refused', async (_, make) => {
    const chain = await make();
    const leaf = chain[0] as HeldCertificate;
    await refuses(await show(chain), under(leaf), /^MCP_TLS_/);
  });
});

describe.each<readonly [string, object]>([
  ['an ended', ENDED],
  ['a SHA-1', { hash: 'sha1' }],
  ['a not yet valid', { notBefore: new Date(Date.now() + HOUR_MS) }],
])('%s cross-sign at the end of the chain', (_, odd) => {
  let leaf: HeldCertificate;
  let chain: readonly HeldCertificate[];
  beforeAll(async () => {
    const intermediate = await heldCertificate({ isCa: true, signedBy: root });
    leaf = await heldCertificate({ signedBy: intermediate });
    const crossed = await heldCertificate({ renewFrom: root, signedBy: stranger, ...odd });
    chain = [leaf, intermediate, crossed];
  });

  it.each<readonly [string, () => TrustInput]>([
    ['the authority', () => ({ ca: root.pem })],
    ["the server's own certificate", () => ({ ca: leaf.pem })],
    ['a pin', () => ({ identity: 'pin', pins: [leaf.spkiPin] })],
  ])('is no problem under %s, for client, probe and registry', async (_name, trust) => {
    const url = await show(chain);
    expect(await askOnce(url, trust())).toBe(200);
    const peer = await fetchPeerCertificate(url, { trust: trust() });
    expect(peer.problems).toEqual([]);
    expect(peer.trusted).toBe(true);
    expect(peer.suggestedPolicy).toEqual(trust());
    await using scratch = scratchRegistry();
    await scratch.registry.register('a', url, { trust: trust() });
    expect((await scratch.registry.renew('a')).changed).toBe(false);
  });

  it('is remarked on', async () => {
    const trust = { ca: root.pem };
    const { remarks } = await fetchPeerCertificate(await show(chain), { trust });
    expect(remarks.map(({ certificate }) => certificate)).toContain(2);
  });

  it('does not keep a stranger from being approved by his certificate or key', async () => {
    const url = await show(chain);
    const peer = await fetchPeerCertificate(url);
    expect(peer.trusted).toBe(false);
    expect(await askOnce(url, peer.suggestedPolicy as TrustInput)).toBe(200);
    await using scratch = scratchRegistry();
    const expectFingerprint = peer.description.fingerprint;
    await scratch.registry.register('a', url, { expectFingerprint });
    await scratch.registry.register('b', url, { expectFingerprint, pin: 'key' });
    for (const id of ['a', 'b']) {
      const factory = await scratch.registry.clientFactory(id);
      expect((await factory()(url)).status).toBe(200);
    }
  });
});

describe('an authority that carries a server name', () => {
  it('is an own certificate to client, probe and registry, and the error says the way out', async () => {
    const k = await heldCertificate({ isCa: true, dns: ['kubernetes'] });
    const url = await show([await heldCertificate({ signedBy: k })]);
    const trust = { ca: k.pem };
    await refuses(url, trust, /^MCP_TLS_UNKNOWN_ISSUER$/);
    const { makeCustomClientFactory } = await import('../../src/index.js');
    const factory = makeCustomClientFactory(trust);
    const error = await factory()(url).catch((reason: unknown) => reason);
    expect(explainTlsError(error)).toHaveProperty('hint', expect.stringMatching(/authority: true/));
    await factory.close();
    expect(await askOnce(url, { ...trust, authority: true })).toBe(200);
    const peer = await fetchPeerCertificate(url, { trust: { ...trust, authority: true } });
    expect(peer.trusted).toBe(true);
  });
});

describe('a server that offers nothing but a Diffie-Hellman group of 1024 bits', () => {
  it('is refused by client and probe alike', async () => {
    const certificate = await heldCertificate({ key: 'rsa2048' });
    const url = await show([certificate], { weakDh: true });
    expect(await codeOf(fetchPeerCertificate(url))).toBe('MCP_TLS_PROTOCOL_MISMATCH');
    for (const trust of [
      { ca: certificate.pem },
      { identity: 'pin', pins: [certificate.spkiPin] } as const,
    ]) {
      expect(await askOnce(url, trust)).toBe('MCP_TLS_PROTOCOL_MISMATCH');
      expect(await codeOf(fetchPeerCertificate(url, { trust }))).toBe('MCP_TLS_PROTOCOL_MISMATCH');
    }
    expect(server?.bytes()).toBe(0);
  });
});

describe('several machines behind one address, each with a certificate of its own', () => {
  it('are registered by naming all of them, and what the key of one signed is refused', async () => {
    const own = { isCa: true, dns: ['localhost'] } as const;
    const [a, b] = [await heldCertificate(own), await heldCertificate(own)];
    const rogue = await heldCertificate({ signedBy: a });
    await using machines = await startAlternatingServer();
    machines.show([[a], [b]], 'round');
    await using scratch = scratchRegistry();
    const ca = [a.pem, b.pem];
    await scratch.registry.register('a', machines.url, { trust: { ca } });
    const factory = await scratch.registry.clientFactory('a');
    for (let i = 0; i < 4; i++) expect((await factory()(machines.url)).status).toBe(200);
    const before = machines.bytes;
    machines.show([[rogue, a]], 'round');
    expect(await codeOf(factory()(machines.url))).toMatch(/^MCP_TLS_/);
    expect(machines.bytes).toBe(before);
  });
});
