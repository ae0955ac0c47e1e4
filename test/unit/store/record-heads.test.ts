import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import type { RowHead } from '../../../src/store/store-backend.js';
import { aKey, aRecord, codeOf } from './support.js';

/** Lists of a backend that keeps heads beside rows: what was not seen before is believed by its head, if that is authentic. */

type Head = RowHead | undefined;

const sha1 = (row: string): string => createHash('sha1').update(row).digest('hex');

async function filled(headsOf: (heads: readonly Head[]) => unknown = (given) => given) {
  const [rows, heads] = [new Map<string, string>(), new Map<string, string>()];
  const plain = keyvBackend(rows, 'certificates');
  const asked = { rows: 0, heads: 0 };
  const rowOf = (id: string) => `certificates.${recordKey(id)}`;
  const backend = () => ({
    ...plain,
    read: (keys: readonly string[]) => {
      // The marker is among them each time.
      asked.rows += keys.length - 1;
      return plain.read(keys);
    },
    write: async (key: string, row: string, head?: string) => {
      if (head !== undefined) heads.set(key, head);
      return plain.write(key, row);
    },
    replace: async (key: string, expected: string | undefined, row: string, head?: string) => {
      if (rows.get(`certificates.${key}`) !== expected) return false;
      if (head !== undefined) heads.set(key, head);
      await plain.write(key, row);
      return true;
    },
    digests: async (keys: readonly string[]) =>
      keys.map((key) => {
        const row = rows.get(`certificates.${key}`);
        return row && sha1(row);
      }),
    heads: async (keys: readonly string[]) => {
      asked.heads += keys.length;
      const found = keys.map((key): Head => {
        const [row, head] = [rows.get(`certificates.${key}`), heads.get(key)];
        return row === undefined || head === undefined ? undefined : { digest: sha1(row), head };
      });
      return headsOf(found) as never;
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
  const again = (): void => void Object.assign(asked, { rows: 0, heads: 0 });
  again();
  return { rows, heads, asked, again, writer, open, rowOf, key };
}

const idsOf = async (store: ReturnType<typeof createCertificateStore>): Promise<string[]> =>
  (await store.list()).map(({ id }) => id);

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

it('a head is made of the row, by a key that is derived from that of the record', async () => {
  const { heads, rows, rowOf, key, writer } = await filled();
  const [, , [, revision]] = (await writer.list()).map(({ id, revision }) => [id, revision]) as [
    unknown,
    unknown,
    [string, number],
  ];
  const derived = hkdfSync('sha256', key.key, '', 'mcp-tls: head of a row', 32);
  const row = rows.get(rowOf('c')) as string;
  const text = `${sha1(row)} k1 ${revision} true certificates record c`;
  const code = createHmac('sha256', new Uint8Array(derived)).update(text).digest('base64url');
  expect(heads.get(recordKey('c'))).toBe(`k1 ${revision} live ${code.slice(0, 22)}`);
});

it('a damaged row is found by the first list of a process, whatever its head is', async () => {
  const { open, rows, rowOf } = await filled();
  const row = rows.get(rowOf('a')) as string;
  for (const at of [3, 200, 400, -30, -1]) {
    const other = row.at(at) === 'A' ? 'B' : 'A';
    rows.set(rowOf('a'), `${row.slice(0, at)}${other}${at === -1 ? '' : row.slice(at + 1)}`);
    expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_TAMPERED');
  }
  for (const damaged of [row.slice(0, -1), `${row}A`, '', rows.get(rowOf('b')) as string]) {
    rows.set(rowOf('a'), damaged);
    expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_TAMPERED');
  }
});

it('a record that was listed by its head may not be gone or older afterwards', async () => {
  const { open, rows, heads, rowOf, writer } = await filled();
  const old = [rows.get(rowOf('a')), heads.get(recordKey('a'))] as const;
  await writer.set('a', aRecord());
  const store = open();
  await store.list();
  rows.set(rowOf('a'), old[0] as string);
  heads.set(recordKey('a'), old[1] as string);
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_ROLLED_BACK');
  expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_ROLLED_BACK');
  rows.delete(rowOf('a'));
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_VANISHED');
});

it.each<[string, (head: string, other: string) => string | undefined]>([
  ['of another revision', (head) => head.replace(/ (\d+) /, ' 9 ')],
  ['of a deletion', (head) => head.replace('live', 'gone')],
  ['with another code', (head) => `${head.slice(0, -1)}${head.endsWith('A') ? 'B' : 'A'}`],
  ['without a code', (head) => head.slice(0, -22)],
  ['with something more', (head) => `${head} `],
  ['with nothing', () => ''],
  ['that is none', () => undefined],
  ['of another record', (_, other) => other],
  ['of a key that is not there', (head) => head.replace('k1', 'k2')],
  ['of any length', () => 'x'.repeat(1_000_000)],
])('a head %s is not believed, and its row is read', async (_, change) => {
  const { open, heads, asked, writer } = await filled();
  const truth = await writer.list();
  const [key, other] = [recordKey('a'), recordKey('b')];
  const forged = change(heads.get(key) as string, heads.get(other) as string);
  if (forged === undefined) heads.delete(key);
  else heads.set(key, forged);
  asked.rows = 0;
  expect(await open().list()).toEqual(truth);
  expect(asked.rows).toBe(1);
});

it('an older head beside a newer row is not believed', async () => {
  const { open, heads, writer } = await filled();
  const older = heads.get(recordKey('a')) as string;
  await writer.delete('a');
  heads.set(recordKey('a'), older);
  expect(await idsOf(open())).toEqual(['b', 'c']);
});

it('under another key, no head is believed', async () => {
  const { open } = await filled();
  expect(await codeOf(open(aKey()).list())).toBe('MCP_TLS_STORE_TAMPERED');
  expect(await codeOf(open(aKey('k2')).list())).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
});

/** A provider that has a data key of its own for each record, and notes how many are asked for at once at most. */
async function eachOwnKey(count: number) {
  const { rows, heads, asked, open } = await filled();
  rows.clear();
  heads.clear();
  const secrets = new Map<string, Buffer>();
  const state = { now: 0, most: 0, calls: 0 };
  let current = aKey('k0');
  const provider = {
    currentKey: async () => {
      secrets.set(current.id, current.key);
      return current;
    },
    async keyById(id: string) {
      state.calls++;
      state.most = Math.max(state.most, ++state.now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      state.now--;
      const key = secrets.get(id);
      if (key === undefined) throw new Error('InvalidCiphertext');
      return key;
    },
  };
  const ids = Array.from({ length: count }, (_, i) => `s${String(i).padStart(3, '0')}`);
  for (const [i, id] of ids.entries()) {
    current = aKey(`k${i + 1}`);
    await open(provider).set(id, aRecord());
  }
  Object.assign(state, { now: 0, most: 0, calls: 0 });
  asked.rows = 0;
  return { heads, asked, ids, state, provider, open: () => open(provider) };
}

it('a list asks a key provider for the keys of heads together, some at a time', async () => {
  const { open, ids, asked, state } = await eachOwnKey(40);
  expect(await idsOf(open())).toEqual(ids);
  expect(asked.rows).toBe(0);
  expect(state).toMatchObject({ most: 16, calls: 40 });
});

it('a head that names a key which the provider cannot give is not believed, and fails no list', async () => {
  const { open, ids, heads } = await eachOwnKey(5);
  for (const id of [ids[0], ids[4]] as string[]) {
    const head = heads.get(recordKey(id)) as string;
    heads.set(recordKey(id), head.replace(/^k\d+/, 'planted'));
    expect(await idsOf(open())).toEqual(ids);
    heads.set(recordKey(id), head);
  }
});

it('a list rejects where the key provider is down', async () => {
  const { open, provider } = await eachOwnKey(3);
  const store = open();
  await store.get('s000');
  provider.keyById = () => Promise.reject(new Error('down'));
  expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_UNAVAILABLE');
});

it('what a rewrap seals anew has a head of the new key', async () => {
  const { open, key, asked, again } = await filled();
  const newer = aKey('k2');
  const report = await open([newer, key]).rewrap();
  // The marker among them.
  expect(report.rewrapped).toBe(4);
  again();
  expect(await idsOf(open(newer))).toEqual(['a', 'b', 'c']);
  expect(asked).toEqual({ rows: 0, heads: 3 });
});

it.each<[string, (heads: readonly Head[]) => unknown, number]>([
  ['no heads', () => undefined, 3],
  ['those of other rows', (heads) => heads.toReversed(), 2],
  ['nothing for any', (heads) => heads.map(() => undefined), 3],
])('of a backend that gives %s, every row is read', async (_, headsOf, read) => {
  const { open, asked } = await filled(headsOf);
  expect(await idsOf(open())).toEqual(['a', 'b', 'c']);
  expect(asked.rows).toBe(read);
});

it('rows that are gone since they were named are missed, the store with them', async () => {
  let gone: string[] = [];
  const { open, rows, rowOf } = await filled((heads) => {
    for (const key of gone) rows.delete(key);
    return heads.map(() => undefined);
  });
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
