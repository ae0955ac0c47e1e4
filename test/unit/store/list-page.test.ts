import { expect, it } from 'vitest';
import {
  type CertificateStore,
  createCertificateStore,
  createServerRegistry,
} from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
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

it.each([{ limit: 0 }, { limit: 1.5 }, { after: 1 }, { offset: 3 }, null, []])(
  'a page %o is a mistake',
  async (page) => {
    const { store } = await filled(1);
    expect(await codeOf(store.list(page as never))).toBe('MCP_TLS_INVALID_ARGUMENT');
  },
);
