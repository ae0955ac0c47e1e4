import { beforeAll, describe, expect, it } from 'vitest';
import type { CustomClientFactory } from '../../../src/client/make-custom-client-factory.js';
import { OriginClients } from '../../../src/client/origin-clients.js';
import {
  checkGivenTrust,
  digestOfGiven,
  keyOfTrust,
  readGivenTrust,
  trustOfReady,
} from '../../../src/client/trust-key.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../../src/trust/checked-trust-policy.js';
import type { TrustInput } from '../../../src/trust/trust-policy.js';

/** Counts what is open; its clients are only passed on. */
function counting() {
  let made = 0;
  let open = 0;
  const make = (): CustomClientFactory => {
    made += 1;
    open += 1;
    const client = Object.assign(async () => new Response(), { close: async () => {} });
    return Object.assign(() => client, {
      close: async () => {
        open -= 1;
      },
    }) as unknown as CustomClientFactory;
  };
  return { make, made: () => made, open: () => open };
}

const never = () => new Promise<Response>(() => {});

describe('OriginClients', () => {
  it('holds a bounded number of idle origins, and ends those that were not used for longest', async () => {
    const { make, open, made } = counting();
    const clients = new OriginClients(() => null, make);
    for (let i = 0; i < 1_024; i++) {
      await clients.request(`https://a${i}`, [], (client) => client('x'));
    }
    expect(open()).toBe(1_024);
    // Used again: the next to go is a1.
    await clients.request('https://a0', [], (client) => client('x'));
    await clients.request('https://b', [], (client) => client('x'));
    expect(open()).toBe(1_024);
    await clients.request('https://a0', [], (client) => client('x'));
    expect(made()).toBe(1_025);
    await clients.request('https://a1', [], (client) => client('x'));
    expect(made()).toBe(1_026);
    await clients.close();
    expect(open()).toBe(0);
  });

  it('ends none that a request is under way on, not even one that is just being sent', async () => {
    const { make, open } = counting();
    const clients = new OriginClients(() => null, make);
    for (let i = 0; i < 1_500; i++) void clients.request(`https://a${i}`, [], never);
    await clients.request('https://b', [], (client) => client('x'));
    expect(open()).toBeGreaterThanOrEqual(1_500);
    await clients.close();
    expect(open()).toBe(0);
  });

  it('keeps no trace of origins without a policy', async () => {
    const { make, made } = counting();
    let asked = 0;
    const clients = new OriginClients(() => {
      asked += 1;
      return undefined;
    }, make);
    for (let i = 0; i < 5_000; i++) {
      expect(await clients.request(`https://a${i}`, [], never)).toBeUndefined();
    }
    // Nothing is asked about again, since nothing is there.
    await clients.refresh();
    expect([asked, made()]).toEqual([5_000, 0]);
  });

  it('reports a refresh that failed, after all were asked', async () => {
    const { make, open } = counting();
    let failing = false;
    const asked = new Set<string>();
    const clients = new OriginClients((origin) => {
      asked.add(origin);
      if (failing && origin === 'https://a') throw new Error('no');
      return failing ? undefined : null;
    }, make);
    await clients.request('https://a', [], (client) => client('x'));
    await clients.request('https://b', [], (client) => client('x'));
    asked.clear();
    failing = true;
    await expect(clients.refresh()).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect([...asked]).toEqual(['https://a', 'https://b']);
    expect(open()).toBe(1);
  });
});

const digestOf = (trust: TrustInput) => digestOfGiven(readGivenTrust(trust));

describe('the digest of trust as it was given', () => {
  const pem = 'PEM';
  const same: readonly (readonly [TrustInput, TrustInput])[] = [
    [null, null],
    [pem, pem],
    [
      { ca: pem, authority: true },
      { authority: true, ca: pem },
    ],
    [{ ca: ['a', 'b'] }, { ca: ['a', 'b'] }],
    [{ ca: Buffer.from('a') }, { ca: new Uint8Array([97]) }],
    [{ ca: pem }, Object.assign(Object.create(null), { ca: pem })],
    [{ ca: pem }, Object.create({ ca: pem })],
    [
      { ca: pem },
      new (class {
        get ca() {
          return pem;
        }
      })(),
    ],
    [checkTrustPolicy(null), checkTrustPolicy({ roots: 'default' })],
  ];
  it.each(same)('is the same for trust that says the same: %#', (one, other) => {
    expect(digestOf(one)).toBe(digestOf(other));
  });

  const different: readonly TrustInput[] = [
    null,
    'null',
    'a',
    'ab',
    { ca: 'a' },
    { ca: 'ab' },
    { ca: ['a', 'b'] },
    { ca: ['ab'] },
    { ca: [] },
    { ca: ['a'], authority: true },
    { ca: ['a'], authority: false },
    { ca: Buffer.from('a') },
    { ca: 'a', serverName: 'b' },
    { ca: 'a', clientCertificate: { cert: 'c', key: 'k' } },
    { ca: 'a', clientCertificate: { cert: 'c', key: 'l' } },
    { roots: 'default' },
    { roots: 'default', pins: 'p' },
  ];
  it('is another for any other trust', () => {
    expect(new Set(different.map(digestOf)).size).toBe(different.length);
  });

  it('changes with what is in an object, and shows nothing of it', () => {
    const policy = { ca: 'a', clientCertificate: { cert: 'c', key: 'sesame' } };
    const before = digestOf(policy);
    expect(before).toMatch(/^[\w+/]{43}=$/);
    policy.clientCertificate.key = 'other';
    expect(digestOf(policy)).not.toBe(before);
  });
});

describe('the key of trust that was checked', () => {
  let one: HeldCertificate;
  let two: HeldCertificate;
  let renewed: HeldCertificate;
  beforeAll(async () => {
    [one, two] = [await heldCertificate(), await heldCertificate()];
    renewed = await heldCertificate({ renewFrom: one });
  });
  const keyOf = (trust: TrustInput) => keyOfTrust(checkGivenTrust(readGivenTrust(trust)));

  it('is the same for trust that means the same, however it is written', () => {
    const { pem, keyPem: key } = one;
    const clientCertificate = { cert: pem, key };
    const same: readonly (readonly [TrustInput, TrustInput])[] = [
      [null, { roots: 'default' }],
      [pem, { ca: `a comment\n${pem}`, authority: false }],
      [{ ca: pem }, checkTrustPolicy({ ca: [Buffer.from(pem)] })],
      [
        { ca: pem, pins: [one.spkiPin] },
        { ca: pem, pins: one.spkiPin },
      ],
      [
        { ca: pem, clientCertificate },
        checkTrustPolicy({ ca: pem, clientCertificate: { cert: pem, key: Buffer.from(key) } }),
      ],
    ];
    for (const [a, b] of same) expect(keyOf(a)).toBe(keyOf(b));
  });

  it('is another where any field is another, those of a record included', () => {
    const { pem: ca, keyPem: key, spkiPin } = one;
    const policy = checkTrustPolicy(ca);
    const withOrigins = (origins: Record<string, CheckedTrustPolicy>) =>
      trustOfReady({ policy, origins }) as TrustInput;
    const different: readonly TrustInput[] = [
      null,
      ca,
      two.pem,
      renewed.pem,
      { ca: [ca, two.pem] },
      { ca, authority: true },
      { ca, roots: 'default' },
      { ca, serverName: 'a.example' },
      { ca, minVersion: 'TLSv1.3' },
      { ca, pins: spkiPin },
      { ca, pins: [spkiPin, two.spkiPin] },
      { ca, pins: spkiPin, allowExpired: true },
      { ca, clientCertificate: { cert: ca, key } },
      { ca, clientCertificate: { cert: renewed.pem, key: renewed.keyPem } },
      { identity: 'pin', pins: spkiPin },
      { roots: 'default', pins: spkiPin },
      withOrigins({}),
      withOrigins({ 'https://a.example': policy }),
      withOrigins({ 'https://b.example': policy }),
      withOrigins({ 'https://a.example': checkTrustPolicy(two.pem) }),
    ];
    expect(new Set(different.map(keyOf)).size).toBe(different.length);
  });

  it('reads each field once, and keeps nothing of the object that it was given', () => {
    const bytes = Buffer.from(one.pem);
    let read = 0;
    const trust = {
      get ca() {
        read += 1;
        return [bytes];
      },
    };
    const given = readGivenTrust(trust);
    const digest = digestOfGiven(given);
    bytes.fill(' ');
    expect(digestOfGiven(given)).toBe(digest);
    expect(keyOfTrust(checkGivenTrust(given))).toBe(keyOf(one.pem));
    expect(read).toBe(1);
  });
});
