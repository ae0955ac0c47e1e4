import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  type EncryptedCertificateStore,
  explainTlsError,
  McpTlsError,
} from '../../../src/index.js';
import {
  createSealer,
  createStorage,
  NotWrittenError,
  type StoreBackend,
} from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { aCertificate, aKey, aRecord, codeOf } from './support.js';

const keys = [aKey()];
const FAST = {
  timeout: { readMs: 40, writeMs: 40 },
  breaker: { failures: 100, resetMs: 80 },
};

/** A store over a map whose calls a test can replace. */
function over(change: (backend: StoreBackend) => Partial<StoreBackend>, more = {}) {
  const map = new Map<string, string>();
  const plain = keyvBackend(map, 'certificates');
  const sound = createCertificateStore({ keys, storage: map, cache: { ttlMs: 0 } });
  const broken = { ...plain, ...change(plain) };
  const options: CertificateStoreOptions = {
    keys,
    storage: createStorage({ backend: () => broken }),
    cache: { ttlMs: 0 },
    ...FAST,
    ...more,
  };
  return { map, plain, sound, broken, store: createCertificateStore(options) };
}
const hang = () => new Promise<never>(() => {});
const fail = (message: string) => () => Promise.reject(new Error(message));

describe('a backend that fails', () => {
  it.each<[string, (b: StoreBackend) => Partial<StoreBackend>, string]>([
    ['rejects', () => ({ read: fail('ECONNRESET') }), 'MCP_TLS_STORE_UNAVAILABLE'],
    [
      'throws',
      () => ({
        read: () => {
          throw new Error('bug');
        },
      }),
      'MCP_TLS_STORE_UNAVAILABLE',
    ],
    ['hangs', () => ({ read: hang }), 'MCP_TLS_STORE_TIMEOUT'],
    [
      'answers with nothing',
      () => ({ read: async (ks) => ks.map(() => undefined) }),
      'MCP_TLS_STORE_EMPTIED',
    ],
    ['answers with fewer rows', () => ({ read: async () => [] }), 'MCP_TLS_STORE_UNAVAILABLE'],
    [
      'answers with bytes',
      (b) => ({ read: async (ks) => (await b.read(ks)).map((r) => Buffer.from(r ?? '') as never) }),
      'MCP_TLS_STORE_UNAVAILABLE',
    ],
    [
      'leaves one row out',
      (b) => ({
        read: async (ks) =>
          (await b.read(ks)).map((r, i) => (i === 0 && ks.length > 1 ? undefined : r)),
      }),
      'MISS',
    ],
  ])('to read: %s', async (name, change, code) => {
    const { sound, store } = over(change);
    await sound.initialize();
    await sound.set('a', aRecord());
    const started = performance.now();
    const got = await codeOf(store.get('a'));
    expect(performance.now() - started).toBeLessThan(500);
    expect(got).toBe(code);
    // A backend that lies about one row, to a process that never saw it, cannot be told from a miss.
    if (name === 'leaves one row out') return;
    expect(await codeOf(store.list())).toBe(code);
    expect(await codeOf(store.set('a', aRecord()))).toBe(code);
    expect(await codeOf(store.delete('a'))).toBe(code);
  });

  it.each<[string, () => Promise<never>, string]>([
    ['rejects', fail('ECONNRESET'), 'MCP_TLS_STORE_OUTCOME_UNKNOWN'],
    ['hangs', hang, 'MCP_TLS_STORE_OUTCOME_UNKNOWN'],
    [
      'says no',
      () => Promise.reject(new NotWrittenError('refused', new Error('OOM'))),
      'MCP_TLS_STORE_REFUSED',
    ],
    [
      'was not reached',
      () => Promise.reject(new NotWrittenError('unreachable', new Error('x'))),
      'MCP_TLS_STORE_UNAVAILABLE',
    ],
  ])('to write: %s', async (_, replace, code) => {
    const calls = vi.fn(replace);
    const { sound, store } = over(() => ({ replace: calls }));
    await sound.initialize();
    await sound.set('a', aRecord());
    expect(await codeOf(store.set('a', aRecord()))).toBe(code);
    expect(await codeOf(store.delete('a'))).toBe(code);
    // Once each: nothing is tried again behind the caller's back.
    expect(calls).toHaveBeenCalledTimes(2);
  });

  it('that always lost the race ends in a conflict', async () => {
    const { sound, store } = over(() => ({ replace: async () => false }));
    await sound.initialize();
    expect(await codeOf(store.set('a', aRecord()))).toBe('MCP_TLS_STORE_CONFLICT');
  });

  it('is left alone after some failures, and asked again later', async () => {
    let down = true;
    const read = vi.fn();
    const { sound, store } = over(
      (b) => ({
        read: async (ks) => {
          read();
          if (down) throw new Error('down');
          return b.read(ks);
        },
      }),
      { breaker: { ...FAST.breaker, failures: 3 } },
    );
    await sound.initialize();
    await sound.set('a', aRecord());
    for (let i = 0; i < 10; i++)
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
    expect(read).toHaveBeenCalledTimes(3);
    await sleep(90);
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
    expect(read).toHaveBeenCalledTimes(4);
    down = false;
    await sleep(90);
    expect(await store.get('a')).toBeDefined();
    expect(await store.get('a')).toBeDefined();
  });

  it('over an adapter that hides its errors, proves nothing by being silent', async () => {
    const map = new Map<string, string>();
    const sound = createCertificateStore({ keys, storage: map });
    await sound.initialize();
    await sound.set('a', aRecord());
    // As @keyv/redis without throwOnErrors, and Keyv 5.6 itself: a failure is answered with undefined.
    const silent = {
      get: async () => undefined,
      set: async () => true,
      getMany: async (ks: readonly string[]) => ks.map(() => undefined),
    };
    const store = createCertificateStore({ keys, storage: silent });
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_EMPTIED');
    const liar = createCertificateStore({
      keys,
      storage: { get: (k: string) => map.get(k), set: async () => false },
    });
    expect(await codeOf(liar.set('a', aRecord()))).toBe('MCP_TLS_STORE_REFUSED');
  });
});

describe('setting up', () => {
  it('by several at once is no loss to any: another was faster, its first record included', async () => {
    const { sound, store } = over(
      (b) => ({
        async keys() {
          // Between this process's look for the marker and its listing.
          await sound.initialize();
          await sound.set('a', aRecord());
          return b.keys();
        },
      }),
      { timeout: {}, breaker: {} },
    );
    expect(await store.initialize()).toBe(false);
    expect(await store.get('a')).toBeDefined();
  });

  it('finds records without their marker', async () => {
    const { map, sound, store } = over(() => ({}));
    await sound.initialize();
    await sound.set('a', aRecord());
    for (const key of map.keys()) if (key.endsWith('0marker')) map.delete(key);
    expect(await codeOf(store.initialize())).toBe('MCP_TLS_STORE_EMPTIED');
  });
});

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

/** After a change somewhere, so that it is read anew. */
async function createUncached(
  store: ReturnType<typeof createCertificateStore>,
  id: string,
): Promise<unknown> {
  await store.set('other', aRecord());
  await store.delete('nothing');
  return store.get(id);
}

describe('the options', () => {
  it('keep records in memory where they are told to, and say so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const store = createCertificateStore({ keys, storage: 'memory' });
    expect(warned).toHaveBeenCalledOnce();
    expect(warned.mock.calls[0]?.[1]).toMatchObject({ code: 'MCP_TLS_MEMORY_STORE' });
    warned.mockRestore();
    expect(await store.get('a')).toBeUndefined();
    await store.set('a', aRecord());
    expect(await store.get('a')).toEqual(aRecord());
  });

  it.each<[string, object]>([
    ['no keys', { keys: undefined }],
    ['an unknown option', { key: 'x' }],
    ['an unset storage', { storage: undefined }],
    ['the old name of a storage', { keyv: new Map() }],
    ['a storage that is none', { storage: {} }],
    ['a URL for a storage', { storage: 'redis://localhost' }],
    ['a backend for a storage', { storage: () => ({}) }],
    ['an unset namespace', { namespace: undefined }],
    ['unset retired keys', { retiredKeys: undefined }],
    ['a namespace with a colon', { namespace: 'a:b' }],
    ['an unknown whenEmpty', { whenEmpty: 'ignore' }],
    ['no deadline', { timeout: { readMs: 0 } }],
    ['an endless deadline', { timeout: { readMs: Number.POSITIVE_INFINITY } }],
    ['an unknown timeout', { timeout: { read: 5 } }],
    ['a negative time to live', { cache: { ttlMs: -1 } }],
    ['absences that outlive records', { cache: { ttlMs: 5, negativeTtlMs: 10 } }],
    ['a cache of nothing', { cache: { max: 0 } }],
  ])('refuse %s', async (_, options) => {
    const all = { keys, storage: new Map(), ...options } as CertificateStoreOptions;
    expect(await codeOf(() => createCertificateStore(all))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

describe('errors', () => {
  it('are ours, name the record, and hold no secret', async () => {
    const { map, store, sound } = over(() => ({}));
    await sound.initialize();
    const secret = aRecord({
      trust: {
        roots: 'default',
        clientCertificate: { cert: aCertificate.pem, key: aCertificate.keyPem },
      },
    });
    await store.set('billing', secret);
    for (const key of map.keys()) if (!key.endsWith('0marker')) map.set(key, `${map.get(key)}A`);
    const error = await store.get('billing').catch((e) => e);
    expect(error instanceof McpTlsError).toBe(true);
    expect(error).toMatchObject({ name: 'StoreError', id: 'billing' });
    expect(explainTlsError(new TypeError('fetch failed', { cause: error }))).toBe(error);
    const shown = inspect([error, store], { depth: 9, showHidden: true });
    expect(shown).not.toContain(aCertificate.keyPem.split('\n')[1]);
    expect(shown).not.toContain(keys[0]?.key.toString('base64url'));
  });
});

describe('a sealer', () => {
  const sealer = createSealer({ keys, namespace: 'gateways' });

  it('opens what it sealed for the same id, and nothing else', async () => {
    const text = await sealer.seal('7', aRecord(), 3);
    expect(await sealer.open('7', text)).toEqual({ record: aRecord(), revision: 3 });
    expect(sealer.keyIdOf(text)).toBe('k1');
    expect(sealer.keyIdOf('-----BEGIN CERTIFICATE-----')).toBeUndefined();
    for (const [id, row] of [
      ['8', text],
      ['7', aCertificate.pem],
      ['7', `${text}A`],
    ] as const) {
      expect(await codeOf(sealer.open(id, row))).toBe('MCP_TLS_STORE_TAMPERED');
    }
    const other = createSealer({ keys, namespace: 'others' });
    expect(await codeOf(other.open('7', text))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await codeOf(sealer.seal('7', { ...aRecord(), version: 1 } as never, 1))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
    expect(await codeOf(sealer.seal('7', aRecord(), 0.5))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});
