import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  explainTlsError,
  McpTlsError,
} from '../../../src/index.js';
import { createSealer, NotWrittenError, type StoreBackend } from '../../../src/store/index.js';
import { FAST, fail, hang, keys, over } from './create-certificate-store-setup.js';
import { aCertificate, aRecord, codeOf } from './support.js';

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
