import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createCertificateStore, type EncryptedCertificateStore } from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { createUncached, keys, over } from './create-certificate-store-setup.js';
import { aCertificate, aRecord, codeOf } from './support.js';

describe('what is cached', () => {
  it('is ready to connect with, and the same until it changes', async () => {
    const store = createCertificateStore({ keys, storage: new Map() });
    await store.initialize();
    await store.set('a', aRecord());
    const one = await store.trust('a');
    const two = await store.trust('a');
    expect(two).toBe(one);
    await store.set('a', aRecord({ trust: { ca: aCertificate.pem, serverName: 'localhost' } }));
    const three = await store.trust('a');
    expect(three).not.toBe(one);
    expect(three && checkTrustPolicy(three).serverName).toBe('localhost');
  });

  it.each<[string, (store: EncryptedCertificateStore) => Promise<unknown>]>([
    ['a list', (store) => store.list()],
    ['a reading past the cache', (store) => store.read('a')],
  ])('is not used any more when %s has shown something newer', async (_, look) => {
    const storage = new Map();
    const cache = { ttlMs: 600_000, negativeTtlMs: 600_000 };
    // Without a channel between them.
    const [here, there] = [0, 1].map(() => createCertificateStore({ keys, storage, cache }));
    if (here === undefined || there === undefined) throw new Error('no stores');
    await there.initialize();
    const changes: (string | undefined)[] = [];
    here.onChange((id) => changes.push(id));
    expect(await here.get('a')).toBeUndefined();

    for (const approvedBy of ['1', '2', undefined, '3']) {
      if (approvedBy === undefined) await there.delete('a');
      else await there.set('a', aRecord({ approvedBy }));
      changes.length = 0;
      await look(here);
      expect((await here.get('a'))?.approvedBy).toBe(approvedBy);
      expect(changes).toEqual(['a']);
      await look(here);
      await here.get('a');
      expect(changes).toEqual(['a']);
    }
  });

  it('is read from the backend each time without a cache, and is the same object until the row is another', async () => {
    const map = new Map<string, string>();
    let reads = 0;
    const plain = keyvBackend(map, 'certificates');
    const backend = () => ({
      ...plain,
      read: (names: readonly string[]) => {
        reads++;
        return plain.read(names);
      },
    });
    const cache = { ttlMs: 0 };
    const store = createCertificateStore({ keys, storage: createStorage({ backend }), cache });
    const writer = createCertificateStore({ keys, storage: map, cache });
    await writer.initialize();
    await writer.set('a', aRecord({ approvedBy: 'one' }));
    const first = await store.trust('a');
    const before = reads;
    expect(await store.trust('a')).toBe(first);
    expect(await store.trust('a')).toBe(first);
    expect(reads - before).toBe(2);
    const row = map.get(`certificates.${recordKey('a')}`) as string;
    // A byte changed is a row changed, and after it the old row is one of the store again.
    map.set(
      `certificates.${recordKey('a')}`,
      `${row.slice(0, -1)}${row.endsWith('A') ? 'B' : 'A'}`,
    );
    expect(await codeOf(store.trust('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    map.set(`certificates.${recordKey('a')}`, row);
    expect((await store.get('a'))?.approvedBy).toBe('one');
    await writer.set('a', aRecord({ approvedBy: 'two' }));
    expect((await store.get('a'))?.approvedBy).toBe('two');
    map.set(`certificates.${recordKey('a')}`, row);
    expect(await codeOf(store.trust('a'))).toBe('MCP_TLS_STORE_ROLLED_BACK');
    await writer.delete('a');
    expect(await store.trust('a')).toBeUndefined();
  });

  it('reports a change that it has found by itself, once', async () => {
    const storage = new Map();
    const there = createCertificateStore({ keys, storage });
    const here = createCertificateStore({ keys, storage, cache: { ttlMs: 1 } });
    await there.initialize();
    await there.set('a', aRecord({ approvedBy: '1' }));
    expect((await here.get('a'))?.approvedBy).toBe('1');
    const changes: (string | undefined)[] = [];
    here.onChange((id) => changes.push(id));
    await there.set('a', aRecord({ approvedBy: '2' }));
    await sleep(5);
    expect((await here.get('a'))?.approvedBy).toBe('2');
    await sleep(5);
    await here.get('a');
    expect(changes).toEqual(['a']);
  });

  it('is not what was read before a deletion that was acknowledged, with the cache switched off', async () => {
    let release: (() => void) | undefined;
    let slow = true;
    const { sound, store } = over(
      (b) => ({
        async read(ks) {
          const rows = await b.read(ks);
          if (!slow) return rows;
          slow = false;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return rows;
        },
      }),
      { timeout: {}, breaker: {} },
    );
    await sound.initialize();
    await sound.set('a', aRecord());
    const before = store.get('a');
    await vi.waitFor(() => expect(release).toBeDefined());
    expect(await sound.delete('a')).toBe(true);
    const after = store.get('a');
    await sleep(20);
    release?.();
    expect(await after).toBeUndefined();
    // It began before, and this process has seen since that the record is gone.
    expect(await before).toBeUndefined();
  });

  it('ends when the record does, and does not come back with the clock', async () => {
    const store = createCertificateStore({ keys, storage: new Map() });
    await store.initialize();
    await store.set('a', aRecord({ expiresAt: new Date(Date.now() + 60) }));
    expect(await store.get('a')).toBeDefined();
    await sleep(80);
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_EXPIRED');
    await store.set('b', aRecord());
    await store.get('b');
    const real = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => real() - 3_600_000);
    try {
      expect(await codeOf(createUncached(store, 'a'))).toBe('MCP_TLS_STORE_EXPIRED');
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe('the clock of another process', () => {
  const YEARS = 10 * 365 * 86_400_000;
  const inAMonth = () => new Date(Date.now() + 30 * 86_400_000);

  /** As a process whose clock differs by so much. */
  async function shifted<T>(ms: number, run: () => Promise<T>): Promise<T> {
    const real = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => real() + ms);
    try {
      return await run();
    } finally {
      vi.restoreAllMocks();
    }
  }

  it.each<[string, (store: EncryptedCertificateStore) => Promise<unknown>]>([
    ['wrote a record', (store) => store.set('other', aRecord())],
    ['deleted a record', (store) => store.delete('other')],
  ])('that is ten years ahead and %s expires nothing', async (_, change) => {
    const storage = new Map();
    const open = () => createCertificateStore({ keys, storage, cache: { ttlMs: 0 } });
    const store = open();
    await store.initialize();
    await store.set('good', aRecord({ expiresAt: inAMonth() }));
    await store.set('other', aRecord());
    await shifted(YEARS, () => change(open()));
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (const one of [store, open()]) {
      warned.mockClear();
      await one.get('other');
      await one.list();
      expect(await one.get('good')).toBeDefined();
      // Once, however many rows there are.
      expect(warned).toHaveBeenCalledOnce();
      expect(String(warned.mock.calls[0]?.[0])).toMatch(/'other'.*3650 days ahead/);
      expect(warned.mock.calls[0]?.[1]).toMatchObject({ code: 'MCP_TLS_STORE_CLOCK' });
    }
    warned.mockRestore();
    // And it can be written over and is gone.
    await store.set('other', aRecord({ expiresAt: inAMonth() }));
    expect(await open().get('other')).toBeDefined();
  });

  it('that is some minutes ahead is believed: what has expired there has expired', async () => {
    const storage = new Map();
    const open = () => createCertificateStore({ keys, storage, cache: { ttlMs: 0 } });
    const store = open();
    await store.initialize();
    const expiresAt = new Date(Date.now() + 300_000);
    await store.set('short', aRecord({ expiresAt }));
    await shifted(600_000, () => open().set('other', aRecord()));
    expect(await store.get('short')).toBeDefined();
    await store.get('other');
    expect(await codeOf(store.get('short'))).toBe('MCP_TLS_STORE_EXPIRED');
  });

  it('that moved on step by step does not take this one along', async () => {
    const storage = new Map();
    const open = () => createCertificateStore({ keys, storage, cache: { ttlMs: 0 } });
    const store = open();
    await store.initialize();
    const expiresAt = new Date(Date.now() + 3_600_000);
    await store.set('good', aRecord({ expiresAt }));
    for (let minutes = 10; minutes <= 100; minutes += 10) {
      await shifted(minutes * 60_000, () => open().set('other', aRecord()));
      await store.get('other');
    }
    expect(await store.get('good')).toBeDefined();
  });
});
