import { createHash } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import type { RowHead } from '../../../src/store/store-backend.js';
import { aKey, aRecord, codeOf } from './support.js';

/** Lists of a backend that gives heads of rows: what was not seen before is believed by its head, if that is authentic. */

type Head = RowHead | undefined;

async function filled(headsOf: (heads: readonly Head[]) => unknown = (heads) => heads) {
  const rows = new Map<string, string>();
  const plain = keyvBackend(rows, 'certificates');
  const asked = { rows: 0, heads: 0 };
  const sha1 = (row: string): string => createHash('sha1').update(row).digest('hex');
  const backend = () => ({
    ...plain,
    read: (keys: readonly string[]) => {
      // The marker is among them each time.
      asked.rows += keys.length - 1;
      return plain.read(keys);
    },
    digests: async (keys: readonly string[]) =>
      keys.map((key) => {
        const row = rows.get(`certificates.${key}`);
        return row && sha1(row);
      }),
    heads: async (keys: readonly string[]) => {
      asked.heads += keys.length;
      const heads = keys.map((key): Head => {
        const row = rows.get(`certificates.${key}`);
        return row === undefined
          ? undefined
          : { digest: sha1(row), head: row.split('.', 1)[0] as string };
      });
      return headsOf(heads) as never;
    },
  });
  const key = aKey();
  const open = (keys: object = key) =>
    createCertificateStore({
      keys: keys as never,
      storage: createStorage({ backend }),
      whenEmpty: 'create',
    });
  const writer = open();
  for (const id of ['a', 'b', 'c']) await writer.set(id, aRecord());
  const rowOf = (id: string) => `certificates.${recordKey(id)}`;
  const again = (): void => void Object.assign(asked, { rows: 0, heads: 0 });
  again();
  return { rows, asked, again, writer, open, rowOf, key };
}

/** The row with another head. */
function withHeader(row: string, change: (header: string) => string): string {
  const [head = '', ...rest] = row.split('.');
  const header = change(Buffer.from(head, 'base64url').toString());
  return [Buffer.from(header).toString('base64url'), ...rest].join('.');
}

it('the first list of a process reads the heads of rows alone', async () => {
  const { open, asked, again, writer } = await filled();
  const revision = await writer.set('b', aRecord());
  await writer.delete('c');
  again();
  const store = open();
  const listed = await store.list();
  expect(asked).toEqual({ rows: 0, heads: 3 });
  expect(listed.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(listed[1]?.revision).toBe(revision);
  expect(await store.list()).toEqual(listed);
  expect(asked).toEqual({ rows: 0, heads: 3 });
});

it('a record that was listed by its head may not be gone, older or damaged afterwards', async () => {
  const { open, rows, rowOf, writer } = await filled();
  const old = rows.get(rowOf('a')) as string;
  await writer.set('a', aRecord());
  const store = open();
  await store.list();
  const now = rows.get(rowOf('a')) as string;
  for (const [row, code] of [
    [`${now.slice(0, -30)}${now.at(-30) === 'A' ? 'B' : 'A'}${now.slice(-29)}`, 'TAMPERED'],
    [old, 'ROLLED_BACK'],
    [rows.get(rowOf('b')) as string, 'TAMPERED'],
  ] as const) {
    rows.set(rowOf('a'), row);
    expect(await codeOf(store.list())).toBe(`MCP_TLS_STORE_${code}`);
    expect(await codeOf(store.get('a'))).toBe(`MCP_TLS_STORE_${code}`);
  }
  rows.delete(rowOf('a'));
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_VANISHED');
});

it.each<[string, (header: string) => string]>([
  ['another revision', (header) => header.replace(/"rev":\d+/, '"rev":9')],
  ['a deletion', (header) => header.replace('"gone":false', '"gone":true')],
  ['another code', (header) => header.replace(/"mac":"./, (part) => `${part.slice(0, -1)}_`)],
  ['no code', (header) => header.replace(/,"mac":"[^"]*"/, '')],
  ['a spelling of its own', (header) => header.replace('"rev":', '"rev": ')],
  ['one member more', (header) => header.replace(',"rev"', ',"x":1,"rev"')],
])('a head with %s is not believed: the row shows what is wrong', async (_, change) => {
  const { open, rows, rowOf } = await filled();
  const row = rows.get(rowOf('a')) as string;
  const forged = withHeader(row, change);
  expect(forged).not.toBe(row);
  rows.set(rowOf('a'), forged);
  expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_TAMPERED');
});

it('a head that another key or another record has is not believed', async () => {
  const { open, rows, rowOf } = await filled();
  expect(await codeOf(open(aKey()).list())).toBe('MCP_TLS_STORE_TAMPERED');
  expect(await codeOf(open(aKey('k2')).list())).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
  rows.set(rowOf('a'), rows.get(rowOf('b')) as string);
  expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_TAMPERED');
});

it('a record that was sealed without its state in the header is listed', async () => {
  const { open, rows, rowOf, key, asked } = await filled();
  const place = { v: 1, ns: 'certificates', kind: 'record', id: 'a' };
  const header = { alg: 'dir', enc: 'A256GCM', kid: 'k1', crit: ['mcp-tls'], 'mcp-tls': place };
  const content = JSON.stringify({ v: 1, revision: 4, sealedAt: Date.now(), value: aRecord() });
  const older = await new CompactEncrypt(new TextEncoder().encode(content))
    .setProtectedHeader(header)
    .encrypt(key.key, { crit: { 'mcp-tls': true } });
  rows.set(rowOf('a'), older);
  const store = open();
  expect((await store.list())[0]).toEqual({ id: 'a', revision: 4 });
  expect(asked).toEqual({ rows: 1, heads: 3 });
  expect(await codeOf(store.get('a'))).toMatch(/^got/);
});

it.each<[string, (heads: readonly Head[]) => unknown, number]>([
  ['no heads', () => undefined, 3],
  ['those of other rows', (heads) => heads.toReversed(), 2],
  ['nothing for any', (heads) => heads.map(() => undefined), 3],
])('of a backend that gives %s, every row is read', async (_, headsOf, read) => {
  const { open, asked } = await filled(headsOf);
  expect((await open().list()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  expect(asked.rows).toBe(read);
});

it('rows that are gone since they were named are missed, the store with them', async () => {
  const { open, rows, rowOf } = await filled((heads) => {
    for (const key of gone) rows.delete(key);
    return heads.map(() => undefined);
  });
  let gone: string[] = [];
  gone = [rowOf('a')];
  expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_VANISHED');
  gone = [...rows.keys()];
  expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_EMPTIED');
});

it.each([[['x']], [[1, 2, 3]], ['abc'], [null], [[{}, {}, {}]], [new Array(3)]])(
  'a backend that gives %j for heads is unavailable',
  async (answer) => {
    const { open } = await filled(() => answer);
    expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_UNAVAILABLE');
  },
);

it('a list asks for the next rows before it has judged the last ones, and shows the failure of any', async () => {
  const { open, writer, state } = await slow();
  const ids = Array.from({ length: 450 }, (_, i) => `s${String(i).padStart(3, '0')}`);
  await Promise.all(ids.map((id) => writer.set(id, aRecord())));
  expect((await open().list()).map(({ id }) => id)).toEqual(ids);
  expect(state.most).toBe(2);
  for (const failing of [1, 2, 3]) {
    state.failing = failing;
    expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_UNAVAILABLE');
  }
});

/** A backend that answers later, and notes how many of its answers are awaited at most. */
async function slow() {
  const rows = new Map<string, string>();
  const plain = keyvBackend(rows, 'certificates');
  const state = { most: 0, failing: 0, now: 0, calls: 0 };
  const backend = () => {
    state.calls = 0;
    return {
      ...plain,
      read: async (keys: readonly string[]) => {
        if (keys.length < 10) return plain.read(keys);
        state.most = Math.max(state.most, ++state.now);
        const isFailing = ++state.calls === state.failing;
        await new Promise((resolve) => setTimeout(resolve, 5));
        state.now--;
        if (isFailing) throw new Error('away');
        return plain.read(keys);
      },
    };
  };
  const keys = aKey();
  const open = () =>
    createCertificateStore({ keys, storage: createStorage({ backend }), whenEmpty: 'create' });
  return { open, writer: open(), state };
}
