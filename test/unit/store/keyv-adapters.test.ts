import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { recordKey } from '../../../src/store/record-key.js';
import { aKey, aRecord, codeOf } from './support.js';

/** Adapters of Keyv that answer in ways in which a failure could look like a miss. */

const keys = [aKey()];
const open = (keyv: object) =>
  createCertificateStore({ keys, storage: keyv as never, cache: { ttlMs: 0 } });
const rowOf = (id: string) => `certificates.${recordKey(id)}`;

/** As @keyv/etcd: `getMany` asks for each key apart, and takes what was rejected for `undefined`. */
class SettlesApart extends EventEmitter {
  readonly opts: Record<string, unknown> = { dialect: 'etcd' };
  readonly rows = new Map<string, string>();
  failing: (key: string) => boolean = () => false;

  async get(key: string): Promise<string | undefined> {
    if (this.failing(key)) throw new Error('14 UNAVAILABLE');
    return this.rows.get(key);
  }
  async getMany(all: readonly string[]): Promise<(string | undefined)[]> {
    const settled = await Promise.allSettled(all.map((key) => this.get(key)));
    return settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  }
  async set(key: string, value: string): Promise<boolean> {
    this.rows.set(key, value);
    return true;
  }
  async *iterator(): AsyncGenerator<[string, string]> {
    yield* this.rows;
  }
}

it('any number of stores over one adapter have one listener there, and none after them', async () => {
  const adapter = await furnished(new SettlesApart());
  const before = adapter.listenerCount('error');
  const stores = Array.from({ length: 30 }, () => open(adapter));
  await Promise.all(stores.map((store) => codeOf(store.get('a'))));
  expect(adapter.listenerCount('error')).toBe(1);
  adapter.emit('error', new Error('no'));
  await Promise.all(stores.slice(1).map((store) => store.close()));
  expect(() => adapter.emit('error', new Error('no'))).not.toThrow();
  for (let i = 0; i < 2; i++) await stores[0]?.close();
  expect(adapter.listenerCount('error')).toBe(before);
});

it('a store hears its adapter also where the host application took all listeners away', async () => {
  const adapter = await furnished(new SettlesApart());
  adapter.removeAllListeners('error');
  const stores = [open(adapter), open(adapter)];
  expect(adapter.listenerCount('error')).toBe(1);
  const { get } = adapter;
  adapter.get = async (key) => {
    if (key !== rowOf('a')) return get.call(adapter, key);
    adapter.emit('error', new Error('connection reset'));
    return undefined;
  };
  for (const store of stores)
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
});

async function furnished<T extends SettlesApart>(adapter: T): Promise<T> {
  const store = open(adapter);
  await store.initialize();
  await store.set('a', aRecord());
  return adapter;
}

describe('an adapter that asks for each key apart', () => {
  it('has no miss where the record could not be read, though the marker could', async () => {
    const adapter = await furnished(new SettlesApart());
    adapter.failing = (key) => key === rowOf('a');
    const store = open(adapter);
    const calls = [store.get('a'), store.read('a'), store.list(), store.delete('a')].map(codeOf);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['MCP_TLS_STORE_UNAVAILABLE']));
    adapter.failing = () => false;
    expect(await store.get('a')).toBeDefined();
    expect(await store.get('b')).toBeUndefined();
  });

  it('that is down is out of reach, and has not lost its contents', async () => {
    const adapter = await furnished(new SettlesApart());
    const before = open(adapter);
    expect(await before.get('a')).toBeDefined();
    adapter.failing = () => true;
    for (const store of [before, open(adapter)]) {
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
      expect(await codeOf(store.initialize())).toBe('MCP_TLS_STORE_UNAVAILABLE');
    }
  });

  it('has no miss where it went away between two readings', async () => {
    const adapter = await furnished(new SettlesApart());
    const store = open(adapter);
    const { get } = adapter;
    // What was emptied after the first answer, and what was filled before the last one.
    for (const from of [1, 2]) {
      let asked = 0;
      adapter.get = async (key) => (asked++ < from ? get.call(adapter, key) : undefined);
      expect(await codeOf(store.get('a'))).not.toBe('MISS');
    }
  });

  it('that reports its errors by an event, and answers nothing, has no miss', async () => {
    const adapter = await furnished(new SettlesApart());
    const store = open(adapter);
    const { get } = adapter;
    adapter.get = async (key) => {
      if (key !== rowOf('a')) return get.call(adapter, key);
      adapter.emit('error', new Error('connection reset'));
      return undefined;
    };
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
  });
});

describe('an adapter whose listing is incomplete', () => {
  class ListsNothing extends SettlesApart {
    override async *iterator(): AsyncGenerator<[string, string]> {}
  }

  it('lists nothing as if it were all, and rewraps nothing as if it were done', async () => {
    const adapter = new ListsNothing();
    const sound = await furnished(new SettlesApart());
    for (const [key, value] of sound.rows) adapter.rows.set(key, value);
    const store = open(adapter);
    expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_UNAVAILABLE');
    expect(await codeOf(store.rewrap())).toBe('MCP_TLS_STORE_UNAVAILABLE');
    expect(await store.get('a')).toBeDefined();
  });

  it('is not set up as if it were empty', async () => {
    expect(await codeOf(open(new ListsNothing()).initialize())).toBe('MCP_TLS_STORE_UNAVAILABLE');
  });
});

describe('an adapter over Redis that is not @keyv/redis', () => {
  it.each([
    ['of another client', { opts: { dialect: 'redis' }, redis: { info: async () => '' } }],
    ['of a file that says so', { opts: { dialect: 'redis' } }],
  ])('is refused by name: %s', (_, fields) => {
    class KeyvOther extends SettlesApart {}
    const make = () => open(Object.assign(new KeyvOther(), fields));
    expect(make).toThrow(/KeyvOther.*@keyv\/redis/);
    expect(make).toThrow(expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }));
  });

  it('of memcached is refused: it drops records, and cannot be asked whether it did', () => {
    class KeyvMemcache extends SettlesApart {}
    expect(() => open(new KeyvMemcache())).toThrow(/KeyvMemcache/);
  });
});

describe('an adapter over SQL', () => {
  /** As @keyv/mysql and @keyv/sqlite: a row that is not there is `undefined`, one that holds NULL is `null`. */
  class OverSql extends SettlesApart {
    override readonly opts = { dialect: 'mysql' };
    refusal: Error | undefined;

    override async getMany(all: readonly string[]): Promise<(string | undefined)[]> {
      return all.map((key) => this.rows.get(key));
    }
    override async set(key: string, value: string): Promise<boolean> {
      if (this.refusal !== undefined) throw this.refusal;
      return super.set(key, value);
    }
  }

  it('whose row holds NULL has a damaged record, and not none', async () => {
    const adapter = await furnished(new OverSql());
    adapter.rows.set(rowOf('a'), null as never);
    expect(await codeOf(open(adapter).get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await open(adapter).delete('a')).toBe(true);
    expect(await open(adapter).get('a')).toBeUndefined();
  });

  it.each([
    // Also from when the entry is applied: the write may be there.
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { message: '8: etcdserver: mvcc: database space exceeded' }],
    ['MCP_TLS_STORE_REFUSED', { code: 'ER_OPTION_PREVENTS_STATEMENT', sqlState: 'HY000' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { code: 'ER_SERVER_SHUTDOWN', sqlState: '08S01' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { code: 'PROTOCOL_CONNECTION_LOST', sqlState: '' }],
    ['MCP_TLS_STORE_REFUSED', { code: 'ER_QUERY_INTERRUPTED', errno: 1317, sqlState: '70100' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { errno: 1927, sqlState: '70100' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { errno: 1180, sqlState: 'HY000' }],
    ['MCP_TLS_STORE_REFUSED', { severity: 'ERROR', code: '25006' }],
    ['MCP_TLS_STORE_REFUSED', { severity: 'ERROR', code: '40001' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { severity: 'ERROR', code: '40003' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { severity: 'FATAL', code: 'XX000' }],
    ['MCP_TLS_STORE_OUTCOME_UNKNOWN', { severity: 'ERROR' }],
  ])('gives %s for a write that failed with %j', async (code, fields) => {
    const adapter = await furnished(new OverSql());
    adapter.refusal = Object.assign(new Error('no'), fields);
    expect(await codeOf(open(adapter).set('a', aRecord()))).toBe(code);
  });
});
