import { describe, expect, it } from 'vitest';
import type { CustomClientFactory } from '../../../src/client/make-custom-client-factory.js';
import { OriginClients } from '../../../src/client/origin-clients.js';
import { trustKey } from '../../../src/client/trust-key.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
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
      await clients.request(`https://a${i}`, undefined, (client) => client('x'));
    }
    expect(open()).toBe(1_024);
    // Used again: the next to go is a1.
    await clients.request('https://a0', undefined, (client) => client('x'));
    await clients.request('https://b', undefined, (client) => client('x'));
    expect(open()).toBe(1_024);
    await clients.request('https://a0', undefined, (client) => client('x'));
    expect(made()).toBe(1_025);
    await clients.request('https://a1', undefined, (client) => client('x'));
    expect(made()).toBe(1_026);
    await clients.close();
    expect(open()).toBe(0);
  });

  it('ends none that a request is under way on, not even one that is just being sent', async () => {
    const { make, open } = counting();
    const clients = new OriginClients(() => null, make);
    for (let i = 0; i < 1_500; i++) void clients.request(`https://a${i}`, undefined, never);
    await clients.request('https://b', undefined, (client) => client('x'));
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
      expect(await clients.request(`https://a${i}`, undefined, never)).toBeUndefined();
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
    await clients.request('https://a', undefined, (client) => client('x'));
    await clients.request('https://b', undefined, (client) => client('x'));
    asked.clear();
    failing = true;
    await expect(clients.refresh()).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect([...asked]).toEqual(['https://a', 'https://b']);
    expect(open()).toBe(1);
  });
});

describe('the key of trust', () => {
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
  ];
  it.each(same)('is the same for trust that says the same: %#', (one, other) => {
    expect(trustKey(one)).toBe(trustKey(other));
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
    checkTrustPolicy(null),
    checkTrustPolicy({ roots: 'default' }),
    new (class {
      readonly ca = 'a';
    })() as TrustInput,
    new (class {
      readonly ca = 'a';
    })() as TrustInput,
  ];
  it('is another for any other trust, for objects of classes each', () => {
    expect(new Set(different.map(trustKey)).size).toBe(different.length);
  });

  it('changes with what is in an object, and shows nothing of it', () => {
    const policy = { ca: 'a', clientCertificate: { cert: 'c', key: 'sesame' } };
    const before = trustKey(policy);
    expect(before).toMatch(/^[\w+/]{43}=$/);
    policy.clientCertificate.key = 'other';
    expect(trustKey(policy)).not.toBe(before);
  });
});
