import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { COUNTS, FEW_COUNTS, fillers } from './fillers.js';
import { certificateOf, ecKey, patched, rsaKey, utcTime } from './support/crafted.js';
import type { ServerSettings } from './support/present.js';
import { FUTURE, PAST, type World } from './world.js';

/** What a server shows, and what there is to know of its leaf, for the oracle. */
export interface PresentationCase {
  readonly name: string;
  /** As it is sent, leaf first. */
  readonly chain: readonly HeldCertificate[];
  /** In the URL. */
  readonly host: string;
  /** The names among those that policies ask for. */
  readonly carries: readonly string[];
  /**
   * Why nobody may take the leaf, not even as an own certificate or by its pin (too weak a key, a usage
   * that does not fit, an extension that nobody knows, an unreadable date): `'ended'` is what
   * `allowExpired` excuses.
   */
  readonly unfit: 'ended' | 'other' | undefined;
  /** Whose policies take the leaf under `allowExpired`: its chain is in order but for its own end. */
  readonly endedBelow: readonly HeldCertificate[];
  /** Refused whatever the certificate: no TLS version or key exchange that is safe. */
  readonly unsafe: boolean;
  readonly server: ServerSettings;
  /** Asked under the policies alone that long chains have a bearing on: reading them takes its time. */
  readonly isLong: boolean;
}

type More = Partial<Omit<PresentationCase, 'name' | 'chain'>>;
type Make = (name: string, chain: readonly HeldCertificate[], more?: More) => PresentationCase;

const DEFAULT_NAMES = ['127.0.0.1', 'localhost'];

const of: Make = (name, chain, more = {}) => ({
  name,
  chain,
  host: '127.0.0.1',
  carries: DEFAULT_NAMES,
  unfit: undefined,
  endedBelow: [],
  unsafe: false,
  server: {},
  isLong: chain.length > 8,
  ...more,
});

/** Every presentation of the matrix. */
export async function makePresentations(world: World): Promise<readonly PresentationCase[]> {
  return [
    ...(await ownShapes(world)),
    ...(await rogueShapes(world)),
    ...(await leafShapes(world)),
    ...(await issuerShapes(world)),
    ...(await nameShapes(world)),
    ...(await keyShapes(world)),
    ...publicShapes(world),
    ...(await connectionShapes(world)),
    ...(await longChains(world)),
  ];
}

/** Self-signed certificates with A's key, or A's names. */
async function ownShapes({ a, s, i, past, future, stranger, strangerEnded }: World) {
  const again = (more: object) => heldCertificate({ renewFrom: a, ...more });
  const usage = { unfit: 'other' } as const;
  const renewed = await again({});
  return [
    of('A', [a]),
    of('A, impostor with its names', [await heldCertificate({ commonName: 'server A' })]),
    of('A, renewed with its key', [renewed]),
    of('A renewed, A sent behind', [renewed, a]),
    of('impostor, A sent behind', [await heldCertificate(), a]),
    of('A, ended', [await again(PAST)], { unfit: 'ended' }),
    of('A, not yet valid', [await again(FUTURE)], usage),
    of('A, clientAuth only', [await again({ extendedKeyUsages: ['clientAuth'] })], usage),
    of('A, keyCertSign only', [await again({ keyUsages: ['keyCertSign'] })], usage),
    of('A, keyEncipherment only', [await again({ keyUsages: ['keyEncipherment'] })]),
    of('A, no usages', [await again({ keyUsages: [], extendedKeyUsages: [] })]),
    of('A, SHA-1', [await again({ hash: 'sha1' })]),
    of('A, CA:TRUE', [await again({ isCa: true, dns: ['localhost'], ip: ['127.0.0.1'] })]),
    of('A, broken signature', [await again({ defect: 'broken-signature' })]),
    of('A, unknown critical extension', [await again({ unknownCriticalExtension: true })], usage),
    of('A, end that is no time', [await unreadableTime(a, 'notAfter')], usage),
    of('A, start that is no time', [await unreadableTime(a, 'notBefore')], usage),
    of('A, ended root above', [a, strangerEnded]),
    of('A, not yet valid above', [a, future]),
    of('A, signed by a stranger', [await again({ signedBy: stranger }), stranger]),
    of('A, signed by an ended stranger', [await again({ signedBy: strangerEnded }), strangerEnded]),
    of(
      'A, ended, signed by an ended stranger',
      [await again({ ...PAST, signedBy: strangerEnded }), strangerEnded],
      { unfit: 'ended' },
    ),
    of('A and I, which is not its issuer', [a, i]),
    of('S', [s]),
    of('past', [past], { unfit: 'ended' }),
    of('future', [future], { unfit: 'other' }),
  ];
}

/** With another time in the place of one; OpenSSL and Node.js read it as none. */
async function unreadableTime(a: HeldCertificate, field: 'notBefore' | 'notAfter') {
  const times = {
    notBefore: new Date('2001-02-03T04:05:06Z'),
    notAfter: new Date('2047-02-03T04:05:06Z'),
  };
  const held = await heldCertificate({ renewFrom: a, ...times });
  return patched(held, utcTime(times[field]), '47ZZ03040506Z');
}

/** Leaves that the key of a server's own certificate has signed. */
async function rogueShapes({ a, s, k }: World) {
  const below = (signedBy: HeldCertificate) => heldCertificate({ signedBy });
  const is = await heldCertificate({ isCa: true, signedBy: s });
  const rogue = await below(s);
  const rogueBelow = await below(is);
  const is2 = await heldCertificate({ isCa: true, signedBy: is });
  return [
    of('rogue below S', [rogue]),
    of('rogue below S, S sent', [rogue, s]),
    of('rogue below an intermediate of S', [rogueBelow, is]),
    of('rogue below an intermediate of S, S sent first', [rogueBelow, s, is]),
    of('rogue below two intermediates of S', [await below(is2), is, is2]),
    of('rogue below A', [await below(a), a]),
    of('leaf below K, which has names', [await below(k)]),
  ];
}

/** Leaves below the intermediate I of the root R, whose key is pinned. */
async function leafShapes({ r, i, leaf, stranger, strangerEnded }: World) {
  const again = (more: object) => heldCertificate({ renewFrom: leaf, ...more });
  const usage = { unfit: 'other' } as const;
  const { signedBy: _, ...rest } = leaf.options;
  const alone = { ...leaf, options: rest };
  return [
    of('leaf, I', [leaf, i]),
    of('leaf', [leaf]),
    of('leaf, I, R', [leaf, i, r]),
    of('leaf, R, I', [leaf, r, i]),
    of('leaf, I, I, I', [leaf, i, i, i]),
    of('leaf, issuer not sent, says where', [await again({ issuerUrls: ['http://ca.example/'] })]),
    of('sibling, I', [await heldCertificate({ signedBy: i }), i]),
    of('sibling, leaf sent behind', [await heldCertificate({ signedBy: i }), leaf, i]),
    of('leaf renewed, I', [await again({}), i]),
    of('leaf, ended, I', [await again(PAST), i], { unfit: 'ended', endedBelow: [r, i] }),
    of('leaf, ended, below R itself', [await again({ ...PAST, signedBy: r })], {
      unfit: 'ended',
      endedBelow: [r],
    }),
    of('leaf, ended, broken signature', [await again({ ...PAST, defect: 'broken-signature' }), i], {
      unfit: 'ended',
    }),
    of(
      'leaf, ended, clientAuth only',
      [await again({ ...PAST, extendedKeyUsages: ['clientAuth'] }), i],
      usage,
    ),
    of(
      'leaf, ended, unknown critical',
      [await again({ ...PAST, unknownCriticalExtension: true }), i],
      usage,
    ),
    of('leaf, ended, below a stranger', [await again({ ...PAST, signedBy: stranger }), stranger], {
      unfit: 'ended',
    }),
    of(
      'leaf, ended, below an ended stranger',
      [await again({ ...PAST, signedBy: strangerEnded }), strangerEnded],
      { unfit: 'ended' },
    ),
    of('leaf, below an ended stranger', [await again({ signedBy: strangerEnded }), strangerEnded]),
    of('leaf, ended, self-signed', [await heldCertificate({ renewFrom: alone, ...PAST })], {
      unfit: 'ended',
    }),
    of('leaf, not yet valid, I', [await again(FUTURE), i], usage),
    of('leaf, clientAuth only, I', [await again({ extendedKeyUsages: ['clientAuth'] }), i], usage),
    of(
      'leaf, any usage, I',
      [await again({ extendedKeyUsages: ['anyExtendedKeyUsage'] }), i],
      usage,
    ),
    of('leaf, broken signature, I', [await again({ defect: 'broken-signature' }), i]),
    of('leaf, foreign signature, I', [await again({ defect: 'foreign-signature' }), i]),
    of('leaf, mismatched algorithms, I', [await again({ defect: 'mismatched-algorithms' }), i]),
    // RFC 5280 §4.2: no extension twice. It cannot be read in one way only.
    of('leaf, duplicate extension, I', [await again({ defect: 'duplicate-extension' }), i], {
      unfit: 'other',
    }),
    of('leaf, wrong authority key id, I', [await again({ defect: 'wrong-authority-key-id' }), i]),
    of('leaf, SHA-1, I', [await again({ hash: 'sha1' }), i]),
    of('leaf, unknown critical, I', [await again({ unknownCriticalExtension: true }), i], usage),
    of('leaf, self-signed', [await heldCertificate({ renewFrom: alone })]),
  ];
}

/** Odd certificates above a leaf with the pinned key, and at the end of its chain. */
async function issuerShapes(world: World) {
  const { r, i, leaf, ended, strangerEnded, stranger } = world;
  const under = async (name: string, issuer: object, rootOptions?: object) => {
    const root = rootOptions ? await heldCertificate({ isCa: true, ...rootOptions }) : r;
    const odd = await heldCertificate({ isCa: true, signedBy: root, ...issuer });
    const below = await heldCertificate({ renewFrom: leaf, signedBy: odd });
    return of(`below an issuer ${name}`, [below, odd]);
  };
  const crossed = (more: object) =>
    heldCertificate({ renewFrom: r, signedBy: strangerEnded, ...more });
  const below = (signedBy: HeldCertificate) => heldCertificate({ renewFrom: leaf, signedBy });
  const constrained = { nameConstraints: { permittedDns: ['example.com'] } };
  const limited = await heldCertificate({ isCa: true, signedBy: r, pathLength: 0 });
  const beyond = await heldCertificate({ isCa: true, signedBy: limited });
  return [
    await under('that is no CA', { isCa: false, keyUsages: [] }),
    await under('that is no CA and may sign', { isCa: false, keyUsages: ['keyCertSign'] }),
    await under('for clientAuth', { extendedKeyUsages: ['clientAuth'] }),
    await under('that has ended', PAST),
    await under('that is not yet valid', FUTURE),
    await under('with SHA-1', { hash: 'sha1' }),
    await under('with RSA 1024', { key: 'rsa1024' }),
    await under('with a broken signature', { defect: 'broken-signature' }),
    await under('that may not sign', { keyUsages: ['cRLSign'] }),
    await under('with an unknown critical extension', { unknownCriticalExtension: true }),
    await under('of version 1', { isCa: false, version: 1 }),
    of('below a constrained issuer', await constrainedChain(leaf, r, constrained), {
      host: 'localhost',
    }),
    of('below one issuer too many', [await below(beyond), beyond, limited]),
    of('below an ended root', [await below(ended), ended]),
    of('below a stranger', [await below(stranger), stranger]),
    of('leaf, I, R crossed by an ended root', [leaf, i, await crossed({})]),
    of('leaf, I, R crossed, the crossing ended', [leaf, i, await crossed(PAST), strangerEnded]),
    of('leaf, I, R crossed with SHA-1', [leaf, i, await crossed({ hash: 'sha1' })]),
    of('leaf, I, ended stranger', [leaf, i, strangerEnded]),
    of('leaf, I ended, I', [leaf, await heldCertificate({ renewFrom: i, ...PAST }), i]),
  ];
}

async function constrainedChain(leaf: HeldCertificate, root: HeldCertificate, more: object) {
  const odd = await heldCertificate({ isCa: true, signedBy: root, ...more });
  return [await heldCertificate({ renewFrom: leaf, signedBy: odd }), odd];
}

/** Names of all kinds, with A's key. */
async function nameShapes({ a, i }: World) {
  const again = (more: object) => heldCertificate({ renewFrom: a, ...more });
  const named = { carries: ['other.example'] };
  const none = { carries: [] };
  return [
    of('A, other name', [await again({ dns: ['other.example'] })], named),
    of(
      'other name, below I',
      [await heldCertificate({ signedBy: i, dns: ['other.example'] }), i],
      named,
    ),
    of('A, other address', [await again({ ip: ['10.0.0.5'] })], none),
    of('A, address as DNS name', [await again({ dns: ['127.0.0.1'] })], none),
    of('A, common name only', [await again({ commonName: '127.0.0.1', san: 'none' })], none),
    of('A, URI only', [await again({ uri: ['spiffe://mesh/mcp'] })], none),
    of('A, wildcard', [await again({ dns: ['*.example'] })], { ...named, host: 'localhost' }),
    of('A, wildcard of one label', [await again({ dns: ['*'] })], { ...none, host: 'localhost' }),
    of('A by name', [a], { host: 'localhost' }),
    of('A, version 1', [await heldCertificate({ version: 1, commonName: '127.0.0.1' })], none),
    of('below I, no names', [await heldCertificate({ signedBy: i, san: 'none' }), i], none),
  ];
}

/** Keys of all kinds. */
async function keyShapes({ r, i, leaf, rsa512, rsa1024, rsa2048 }: World) {
  const weak = { unfit: 'other', server: { maxVersion: 'TLSv1.2' } } as const;
  const rsa768 = await certificateOf(rsaKey(768));
  const held = (key: string, more: object = {}) => certificateOf(key, more);
  const ed = await heldCertificate({ key: 'ed25519', signedBy: r });
  return [
    of('RSA 512', [rsa512], weak),
    of('RSA 768', [rsa768], weak),
    of('RSA 1024', [rsa1024], { unfit: 'other' }),
    of('RSA 1024, TLS 1.2', [rsa1024], weak),
    of('RSA 2048', [rsa2048]),
    of('RSA 1024 below I', [await held(rsa1024.keyPem, { signedBy: i }), i], { unfit: 'other' }),
    of('RSA 512 below R', [await held(rsa512.keyPem, { signedBy: r })], weak),
    of('RSA 2048 below R', [await held(rsa2048.keyPem, { signedBy: r })]),
    of('Ed25519 below R', [ed]),
    of('P-256 of another, below I', [await held(ecKey(), { signedBy: i }), i]),
    of('leaf, RSA 1024 at the end', [leaf, i, rsa1024]),
  ];
}

/** Below the roots that this process was started with. */
function publicShapes({ p, pi, pleaf, i, strangerEnded }: World) {
  return [
    of('public leaf', [pleaf, pi]),
    of('public leaf, issuer not sent', [pleaf]),
    of('public leaf, ended stranger at the end', [pleaf, pi, strangerEnded]),
    of('public leaf, P sent', [pleaf, pi, p]),
    of('public leaf, I in between', [pleaf, i, pi]),
  ];
}

async function connectionShapes(world: World) {
  const { r, i, leaf, a, px, pi, client, rsa2048, pleaf } = world;
  const below = (signedBy: HeldCertificate, more: object = {}) =>
    heldCertificate({ signedBy, ...more });
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  } as const;
  const demand = { clientCa: client };
  const rsaBelowR = await certificateOf(rsa2048.keyPem, { signedBy: r });
  return [
    of('leaf, I, TLS 1.2', [leaf, i], { server: { maxVersion: 'TLSv1.2' } }),
    of('leaf, I, TLS 1.3', [leaf, i], { server: { minVersion: 'TLSv1.3' } }),
    of('A, TLS 1.1', [a], { unsafe: true, server: old }),
    of('leaf, I, TLS 1.1', [leaf, i], { unsafe: true, server: old }),
    of('RSA 2048, weak DH', [rsa2048], { unsafe: true, server: { weakDh: true } }),
    of('RSA 2048 below R, weak DH', [rsaBelowR], { unsafe: true, server: { weakDh: true } }),
    of('leaf, I, client certificate', [leaf, i], { server: demand }),
    of('leaf, I, client certificate, TLS 1.2', [leaf, i], {
      server: { ...demand, maxVersion: 'TLSv1.2' },
    }),
    of('A, client certificate', [a], { server: demand }),
    of('public leaf, client certificate', [pleaf, pi], { server: demand }),
    of('below PX, which has no issuer', [await below(px)]),
  ];
}

/** Leaves with many certificates behind them. */
async function longChains(world: World) {
  const { r, i, leaf, a, s } = world;
  const is = await heldCertificate({ isCa: true, signedBy: s, keyIdentifiers: false });
  const impostor = await heldCertificate({ signedBy: is });
  const cases: PresentationCase[] = [];
  for (const { name, certificates } of await fillers(i, r, COUNTS)) {
    cases.push(of(`leaf, ${name}, I`, [leaf, ...certificates, i]));
  }
  for (const { name, certificates } of await fillers(is, s, FEW_COUNTS)) {
    cases.push(of(`impostor below S, ${name}`, [impostor, ...certificates, is]));
  }
  const copies = (count: number) => Array<HeldCertificate>(count).fill(i);
  cases.push(
    of('A and 99 more', [a, ...copies(99)]),
    of('A and 100 more', [a, ...copies(100)]),
    of('leaf, 99 more', [leaf, ...copies(99)]),
    of('leaf, 100 more', [leaf, ...copies(100)]),
    of('impostor below 34 intermediates of S', await ladder(s, 34)),
    of('leaf below 34 intermediates of R', await ladder(r, 34)),
    of('leaf below 120 intermediates of R', await ladder(r, 120)),
  );
  return cases;
}

/** A leaf and `count` intermediates, each signed by the one behind it, the last by `top`. */
async function ladder(top: HeldCertificate, count: number): Promise<HeldCertificate[]> {
  const key = ecKey();
  const chain: HeldCertificate[] = [];
  for (let n = 0; n < count; n++) {
    chain.unshift(await certificateOf(key, { isCa: true, signedBy: chain[0] ?? top }));
  }
  return [await heldCertificate({ signedBy: chain[0] as HeldCertificate }), ...chain];
}
