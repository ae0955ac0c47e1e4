import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import { aKey, aRecord, codeOf } from './support.js';

/** Lists of a backend that gives digests of rows: what has not changed is not read again, and nothing else is missed. */

async function filled(digestsOf?: (digests: (string | undefined)[]) => unknown) {
  const rows = new Map<string, string>();
  const plain = keyvBackend(rows, 'certificates');
  const asked = { rows: 0, digests: 0 };
  const backend = () => ({
    ...plain,
    read: (keys: readonly string[]) => {
      // The marker is among them each time.
      asked.rows += keys.length - 1;
      return plain.read(keys);
    },
    digests: async (keys: readonly string[]) => {
      asked.digests += keys.length;
      const found = keys.map((key) => {
        const row = rows.get(`certificates.${key}`);
        return row && createHash('sha1').update(row).digest('hex');
      });
      return (digestsOf === undefined ? found : digestsOf(found)) as never;
    },
  });
  const keys = aKey();
  const open = () =>
    createCertificateStore({ keys, storage: createStorage({ backend }), whenEmpty: 'create' });
  const [writer, store] = [open(), open()];
  for (const id of ['a', 'b', 'c']) await writer.set(id, aRecord());
  const rowOf = (id: string) => `certificates.${recordKey(id)}`;
  return { rows, asked, writer, store, rowOf };
}

const idsOf = async (list: Promise<readonly { readonly id: string }[]>): Promise<string[]> =>
  (await list).map(({ id }) => id);

it('a list reads no row again that it has read before', async () => {
  const { store, asked } = await filled();
  const first = await store.list();
  Object.assign(asked, { rows: 0, digests: 0 });
  expect(await store.list()).toEqual(first);
  expect(asked).toEqual({ rows: 0, digests: 3 });
});

it('a list shows what was changed, withdrawn, registered and sealed anew since', async () => {
  const { store, writer } = await filled();
  const before = await store.list();
  const revision = await writer.set('a', aRecord({ approvedBy: 'another' }));
  await writer.delete('b');
  await writer.set('d', aRecord());
  const now = await store.list();
  expect(now.map(({ id }) => id)).toEqual(['a', 'c', 'd']);
  expect(now[0]?.revision).toBe(revision);
  expect(now[1]).toEqual(before[2]);
  expect(await idsOf(store.list({ limit: 2 }))).toEqual(['a', 'c']);
});

it('a list rejects for a row that was damaged, exchanged, put back or taken away since it was read', async () => {
  const { store, writer, rows, rowOf } = await filled();
  const old = rows.get(rowOf('a')) as string;
  await writer.set('a', aRecord());
  await store.list();
  const now = rows.get(rowOf('a')) as string;
  for (const [row, code] of [
    [`${now.slice(0, 200)}${now[200] === 'A' ? 'B' : 'A'}${now.slice(201)}`, 'TAMPERED'],
    [rows.get(rowOf('b')) as string, 'TAMPERED'],
    [old, 'ROLLED_BACK'],
    ['', 'TAMPERED'],
  ] as const) {
    rows.set(rowOf('a'), row);
    expect(await codeOf(store.list())).toBe(`MCP_TLS_STORE_${code}`);
  }
  rows.delete(rowOf('a'));
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_VANISHED');
  rows.set(rowOf('a'), now);
  expect(await idsOf(store.list())).toEqual(['a', 'b', 'c']);
});

it.each([
  ['none', () => undefined],
  ['those of other rows', (digests: unknown[]) => digests.toReversed()],
  ['nothing for any', (digests: unknown[]) => digests.map(() => undefined)],
])('of a backend that gives %s, every row is read', async (_, digestsOf) => {
  const { store, asked } = await filled(digestsOf as never);
  await store.list();
  asked.rows = 0;
  expect(await idsOf(store.list())).toEqual(['a', 'b', 'c']);
  // The one in the middle stays where it was.
  expect(asked.rows).toBe(digestsOf([1, 2, 3] as never)?.[1] === 2 ? 2 : 3);
});

it.each([[['x']], [[1, 2, 3]], ['abc'], [null]])(
  'a backend that gives %j is unavailable',
  async (answer) => {
    const { store } = await filled(() => answer);
    await store.list();
    expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_UNAVAILABLE');
  },
);
