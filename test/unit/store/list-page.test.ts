import { expect, it } from 'vitest';
import {
  type CertificateStore,
  createCertificateStore,
  createServerRegistry,
} from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { idOfKey } from '../../../src/store/record-errors.js';
import { recordKey } from '../../../src/store/record-key.js';
import { isRecordKey } from '../../../src/store/store-marker.js';
import { aKey, aRecord, codeOf } from './support.js';

/** Pages of a list: what is on them is read, and not the whole store. */

async function filled(count: number) {
  let opened = 0;
  const plain = keyvBackend(new Map<string, string>(), 'certificates');
  const backend = () => ({
    ...plain,
    read: (keys: readonly string[]) => {
      opened += keys.length;
      return plain.read(keys);
    },
  });
  const storage = createStorage({ backend });
  const store = createCertificateStore({ keys: aKey(), storage, whenEmpty: 'create' });
  const ids = Array.from({ length: count }, (_, i) => `server ${String(i).padStart(4, '0')}`);
  const record = aRecord();
  // Not in their order.
  for (const id of ids.toReversed()) await store.set(id, record);
  const before = opened;
  return { store, ids, opened: () => opened - before };
}

it('a page is in the order of the ids, and costs what is on it', async () => {
  const { store, ids, opened } = await filled(400);
  const idsOf = async (page: object): Promise<string[]> =>
    (await store.list(page)).map(({ id }) => id);
  expect(await idsOf({ limit: 5 })).toEqual(ids.slice(0, 5));
  expect(await idsOf({ after: ids[4], limit: 5 })).toEqual(ids.slice(5, 10));
  expect(opened()).toBeLessThan(40);
  expect(await idsOf({ after: ids[397], limit: 50 })).toEqual(ids.slice(398));
  expect(await idsOf({ after: 'z' })).toEqual([]);
  expect((await store.list()).length).toBe(400);
});

it('deleted records fill no page', async () => {
  const { store, ids } = await filled(60);
  for (const id of ids.slice(0, 40)) await store.delete(id);
  expect((await store.list({ limit: 3 })).map(({ id }) => id)).toEqual(ids.slice(40, 43));
});

it('a registry goes through all of them, page by page, over a store that knows no pages too', async () => {
  const { store, ids } = await filled(30);
  const whole: CertificateStore = { ...store, list: () => store.list() };
  for (const one of [store, whole]) {
    const registry = createServerRegistry({ store: one });
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await registry.list({ limit: 7, ...(after !== undefined && { after }) });
      seen.push(...page.map(({ id }) => id));
      if (page.length < 7) break;
    }
    expect(seen).toEqual(ids);
    expect((await registry.list()).map(({ id }) => id)).toEqual(ids);
    await registry.close();
  }
});

/** A backend that has its ids in their order, as Redis does, and how often the names of all are read. */
function counted() {
  const rows = new Map<string, string>();
  const plain = keyvBackend(rows, 'certificates');
  const asked = { names: 0 };
  const backend = () => ({
    ...plain,
    keys: () => {
      asked.names++;
      return plain.keys();
    },
    page: async (after: string | undefined, limit: number) => {
      const ids = (await plain.keys()).filter(isRecordKey).map(idOfKey).sort();
      const rest = ids.filter((id) => after === undefined || id > after);
      return { ids: rest.slice(0, limit), left: Math.max(0, rest.length - limit) };
    },
  });
  const keys = aKey();
  const open = () =>
    createCertificateStore({ keys, storage: createStorage({ backend }), whenEmpty: 'create' });
  const putBack = (copy: ReadonlyMap<string, string>) => {
    rows.clear();
    for (const [key, value] of copy) rows.set(key, value);
  };
  return { open, rows, asked, putBack };
}

const idsOf = async (list: Promise<readonly { readonly id: string }[]>): Promise<string[]> =>
  (await list).map(({ id }) => id);

it('going through a store page by page never reads the names of all its records, where the backend gives them in their order', async () => {
  const { open, asked } = counted();
  const writer = open();
  for (let i = 10; i < 60; i++) await writer.set(`s${i}`, aRecord());
  const store = open();
  const before = asked.names;
  const seen: string[] = [];
  for (let after: string | undefined; seen.length < 50; after = seen.at(-1)) {
    seen.push(...(await idsOf(store.list({ limit: 5, ...(after !== undefined && { after }) }))));
  }
  expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => `s${i + 10}`));
  expect(asked.names - before).toBe(0);
});

it('a page shows what another process registered or withdrew since the page before', async () => {
  const { open } = counted();
  const [writer, store] = [open(), open()];
  for (const id of ['a', 'c', 'e']) await writer.set(id, aRecord());
  expect(await idsOf(store.list({ limit: 2 }))).toEqual(['a', 'c']);
  await writer.set('b', aRecord());
  expect(await idsOf(store.list({ limit: 2 }))).toEqual(['a', 'b']);
  await writer.delete('a');
  expect(await idsOf(store.list({ limit: 2 }))).toEqual(['b', 'c']);
  await writer.delete('never there');
  expect(await idsOf(store.list({ limit: 9 }))).toEqual(['b', 'c', 'e']);
});

it('a page of a store whose rows were exchanged for as many others is none of what was there', async () => {
  const { open, rows, putBack } = counted();
  const [writer, store] = [open(), open()];
  await writer.set('a', aRecord());
  const copy = new Map(rows);
  await writer.set('b', aRecord());
  const other = open();
  expect(await idsOf(other.list({ limit: 9 }))).toEqual(['a', 'b']);
  // An old copy, in which somebody then registered another server.
  putBack(copy);
  await store.set('c', aRecord());
  // Not on this page, and on that.
  expect(await idsOf(other.list({ limit: 1 }))).toEqual(['a']);
  expect(await codeOf(other.list({ limit: 9 }))).toBe('MCP_TLS_STORE_VANISHED');
  expect(await idsOf(open().list({ limit: 9 }))).toEqual(['a', 'c']);
});

it('a page rejects where a row, or the marker of the store, is gone from the list', async () => {
  for (const gone of [recordKey('b'), '0marker']) {
    const { open, rows } = counted();
    const store = open();
    for (const id of ['a', 'b', 'c']) await store.set(id, aRecord());
    expect(await idsOf(store.list({ limit: 3 }))).toEqual(['a', 'b', 'c']);
    rows.delete(`certificates.${gone}`);
    expect(await codeOf(store.list({ limit: 3 }))).toBe(
      gone === '0marker' ? 'MCP_TLS_STORE_EMPTIED' : 'MCP_TLS_STORE_VANISHED',
    );
  }
});

it('a registry lists a record that is damaged with its error, beside those that are not', async () => {
  const { open, rows } = counted();
  const store = open();
  for (const id of ['a', 'b', 'c']) await store.set(id, aRecord());
  rows.set(`certificates.${recordKey('b')}`, rows.get(`certificates.${recordKey('a')}`) as string);
  const progress: number[][] = [];
  const registry = createServerRegistry({ store });
  const entries = await registry.list({ onProgress: (...of) => progress.push(of) });
  expect(entries.map((entry) => ('error' in entry ? entry.error?.code : entry.id))).toEqual([
    'a',
    'MCP_TLS_STORE_TAMPERED',
    'c',
  ]);
  expect(progress).toEqual([[3, 3]]);
  // A list of ids alone would not show it.
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_TAMPERED');
  await registry.close();
});

it.each([{ limit: 0 }, { limit: 1.5 }, { after: 1 }, { offset: 3 }, null, []])(
  'a page %o is a mistake',
  async (page) => {
    const { store } = await filled(1);
    expect(await codeOf(store.list(page as never))).toBe('MCP_TLS_INVALID_ARGUMENT');
  },
);
