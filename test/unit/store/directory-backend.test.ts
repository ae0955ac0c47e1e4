import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
} from '../../../src/index.js';
import { recordKey } from '../../../src/store/record-key.js';
import { aKey, aRecord, codeOf } from './support.js';

let path: string;
const keys = [aKey()];
const openStore = () =>
  createCertificateStore({ keys, storage: directoryStorage(path, { watch: false }) });
const inside = (name = '') => join(path, 'certificates', name);

const writing = (name: string) => inside(join('writing', name));

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'mcp-tls-directory-')), 'store');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

describe('the directory', () => {
  it('is for its owner alone, one file a record, and nothing is left beside them', async () => {
    const store = openStore();
    await store.initialize();
    await Promise.all(['a', 'b', 'a', 'b'].map((id) => store.set(id, aRecord())));
    expect(statSync(inside()).mode & 0o777).toBe(0o700);
    const files = ['0marker.jwe', `${recordKey('a')}.jwe`, `${recordKey('b')}.jwe`];
    expect(readdirSync(inside()).sort()).toEqual([...files, 'writing'].sort());
    for (const file of files) expect(statSync(inside(file)).mode & 0o777).toBe(0o600);
    expect(statSync(inside('writing')).mode & 0o777).toBe(0o700);
    expect(readdirSync(inside('writing'))).toEqual([]);
  });

  it.each([0o770, 0o702, 0o777])('is refused with mode %o', async (mode) => {
    mkdirSync(inside(), { recursive: true });
    chmodSync(inside(), mode);
    expect(await codeOf(openStore().initialize())).toBe('MCP_TLS_STORE_UNAVAILABLE');
    chmodSync(inside(), 0o700);
    expect(await openStore().initialize()).toBe(true);
  });

  it('goes on after a process that died in the middle of a write', async () => {
    const store = openStore();
    await store.initialize();
    await store.set('a', aRecord());
    const file = `${recordKey('a')}.jwe`;
    writeFileSync(writing(`${file}.abc123.draft`), 'half a rec');
    const start = performance.now();
    await store.set('a', aRecord({ approvedBy: 'b' }));
    expect(performance.now() - start).toBeLessThan(1_000);
    expect((await openStore().get('a'))?.approvedBy).toBe('b');
    expect((await openStore().list()).map(({ id }) => id)).toEqual(['a']);
    expect(readdirSync(inside('writing'))).toEqual([]);
  });

  it('loses no write of many at once', async () => {
    const stores = [openStore(), openStore(), openStore()];
    await stores[0]?.initialize();
    const count = (store: EncryptedCertificateStore) =>
      store.notes.update('counter', (n) => Number(n ?? 0) + 1);
    await Promise.all(stores.flatMap((store) => Array.from({ length: 5 }, () => count(store))));
    expect(await openStore().notes.read(['counter'])).toEqual([15]);
  });

  it('that holds a file of somebody else is not listed as if it were whole', async () => {
    const store = openStore();
    await store.initialize();
    writeFileSync(inside('notes.jwe'), 'hello');
    expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_TAMPERED');
  });

  it('needs a path', async () => {
    expect(await codeOf(() => directoryStorage(''))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

describe('directoryStorage', () => {
  const opened: EncryptedCertificateStore[] = [];
  const open = () => {
    // Longer than any test: what is noticed is noticed by being told.
    const cache = { ttlMs: 600_000, negativeTtlMs: 600_000 };
    const store = createCertificateStore({ keys, storage: directoryStorage(path), cache });
    opened.push(store);
    return store;
  };
  const listening = (store: EncryptedCertificateStore) =>
    expect.poll(() => store.stats().listening).toBe(true);

  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  it('reports to every store of the directory what was written and deleted', async () => {
    const [one, two] = [open(), open()];
    await one.initialize();
    await Promise.all([listening(one), listening(two)]);
    const changed: (string | undefined)[] = [];
    two.onChange((id) => changed.push(id));
    expect(await two.get('a')).toBeUndefined();
    for (const approvedBy of ['x', 'y']) {
      await one.set('a', aRecord({ approvedBy }));
      await expect.poll(async () => (await two.get('a'))?.approvedBy).toBe(approvedBy);
    }
    await one.delete('a');
    await expect.poll(() => two.get('a')).toBeUndefined();
    expect(new Set(changed)).toEqual(new Set(['a']));
  });

  it('reports each of many changes', async () => {
    const [one, two] = [open(), open()];
    await one.initialize();
    await listening(two);
    const ids = Array.from({ length: 300 }, (_, i) => `server-${i}`);
    const changed = new Set<string | undefined>();
    two.onChange((id) => changed.add(id));
    await Promise.all(ids.map((id) => one.set(id, aRecord())));
    await expect.poll(() => ids.filter((id) => !changed.has(id)), { timeout: 5_000 }).toEqual([]);
  });

  it('is not disturbed by foreign files, and ends with the store', async () => {
    const store = open();
    await store.initialize();
    await listening(store);
    const changed: unknown[] = [];
    store.onChange((id) => changed.push(id));
    writeFileSync(inside('notes.txt'), 'x');
    writeFileSync(writing(`${recordKey('a')}.jwe.12.draft`), 'x');
    await store.set('b', aRecord());
    await expect.poll(() => changed.length).toBeGreaterThan(0);
    expect(new Set(changed)).toEqual(new Set(['b']));
    const { length } = changed;
    await store.close();
    writeFileSync(inside(`${recordKey('c')}.jwe`), 'x');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(changed).toHaveLength(length);
  });
});
