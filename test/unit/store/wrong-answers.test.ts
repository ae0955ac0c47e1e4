import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { createStorage, type StoreBackend } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { aKey, aRecord, codeOf } from './support.js';

/** A backend of an application that answers in another form than it should. */

async function storeOver(wrong: (plain: StoreBackend) => object) {
  const plain = keyvBackend(new Map<string, string>(), 'certificates');
  const keys = aKey();
  const over = (backend: StoreBackend) =>
    createCertificateStore({ keys, storage: createStorage({ backend: () => backend }) });
  const sound = over(plain);
  await sound.initialize();
  for (const id of ['a', 'b']) await sound.set(id, aRecord());
  return over({ ...plain, ...wrong(plain) } as StoreBackend);
}

const reads = (change: (rows: readonly (string | undefined)[]) => unknown) => {
  return (plain: StoreBackend) => ({
    read: async (keys: readonly string[]) => change(await plain.read(keys)),
  });
};

it.each<[string, (plain: StoreBackend) => object]>([
  ['one row too few', reads((rows) => rows.slice(1))],
  ['one row too many', reads((rows) => [undefined, ...rows])],
  ['null for a miss', reads((rows) => rows.map((row) => row ?? null))],
  ['bytes', reads((rows) => rows.map((row) => row && Buffer.from(row)))],
  ['nothing', reads(() => undefined)],
  ['an object', reads((rows) => ({ ...rows, length: rows.length }))],
  ['a list with holes', reads((rows) => Object.assign(new Array(rows.length), { 1: rows[1] }))],
])('%s is no miss and no damage', async (_, wrong) => {
  const store = await storeOver(wrong);
  const calls = [
    () => store.get('none'),
    () => store.read('none'),
    () => store.set('none', aRecord()),
    () => store.delete('none'),
  ];
  for (const call of calls) expect(await codeOf(call)).toBe('MCP_TLS_STORE_UNAVAILABLE');
});

it.each<[string, (keys: readonly string[]) => unknown]>([
  ['nothing', () => undefined],
  ['each key twice', (keys) => [...keys, ...keys]],
  ['a set', (keys) => new Set(keys)],
  ['bytes', (keys) => keys.map((key) => Buffer.from(key))],
])('keys as %s are no list', async (_, change) => {
  const store = await storeOver((plain) => ({ keys: async () => change(await plain.keys()) }));
  for (const call of [() => store.list(), () => store.list({ limit: 1 }), () => store.rewrap()]) {
    const error = await Promise.resolve(call()).catch((error) => error);
    expect(error).toMatchObject({ name: 'StoreError', code: 'MCP_TLS_STORE_UNAVAILABLE' });
    expect(error.message).toContain('answered in another form');
  }
});

it.each([
  null,
  1,
  {},
  { ids: ['a'] },
  { ids: ['a'], left: -1 },
  { ids: 'a', left: 0 },
  { ids: [1], left: 0 },
  { ids: ['b', 'a'], left: 0 },
  { ids: ['a', 'a'], left: 0 },
  { ids: ['a', 'b', 'c'], left: 0 },
  { ids: [], left: 1 },
])('a page of ids as %j is none', async (page) => {
  const store = await storeOver(() => ({ page: async () => page }));
  expect(await codeOf(store.list({ limit: 2 }))).toBe('MCP_TLS_STORE_UNAVAILABLE');
});

it('a page of ids that come before where it begins is none', async () => {
  const store = await storeOver(() => ({ page: async () => ({ ids: ['a'], left: 0 }) }));
  expect(await codeOf(store.list({ limit: 2, after: 'b' }))).toBe('MCP_TLS_STORE_UNAVAILABLE');
});

it.each([undefined, null, 1, 'OK'])('%j says not whether a row was replaced', async (answer) => {
  const store = await storeOver(() => ({ replace: async () => answer }));
  for (const call of [() => store.set('a', aRecord()), () => store.delete('a')]) {
    expect(await codeOf(call)).toBe('MCP_TLS_STORE_OUTCOME_UNKNOWN');
  }
});
