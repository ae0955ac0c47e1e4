import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { indexOf } from '../../src/redis/record-index.js';
import { recordKey } from '../../src/store/record-key.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** Pages of a list over Redis, by an index of its names that is written in the step that adds a record. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
}, 60_000);
afterAll(() => redis.stop());

it.each([
  ['', {}],
  [' without a channel', { watch: false }],
])('a page shows a record that was written after a failover lost another%s', async (_, options) => {
  const namespace = `n-${randomUUID().slice(0, 8)}`;
  const hash = `mcp-tls:${namespace}`;
  const keys = aKey();
  const open = () => {
    const storage = redisStorage(redis.url, options);
    const store = createCertificateStore({ keys, namespace, storage });
    onTestFinished(() => store.close());
    return store;
  };
  const page = async (store: ReturnType<typeof open>) =>
    (await store.list({ limit: 2 })).map(({ id }) => id);
  const [writer, reader] = [open(), open()];
  await writer.initialize();
  for (const id of ['a', 'c', 'd']) await writer.set(id, aRecord());
  await redis.command('COPY', hash, `${hash}.replica`);
  await writer.set('z', aRecord());
  expect(await page(reader)).toEqual(['a', 'c']);
  // As many rows, and as many changes, of another history.
  await redis.command('COPY', `${hash}.replica`, hash, 'REPLACE');
  await open().set('b', aRecord());
  expect(await page(reader)).toEqual(['a', 'b']);
});

function opened(url = redis.url) {
  const namespace = `n-${randomUUID().slice(0, 8)}`;
  const keys = aKey();
  const open = () => {
    const store = createCertificateStore({ keys, namespace, storage: redisStorage(url) });
    onTestFinished(() => store.close());
    return store;
  };
  return { open, hash: `mcp-tls:${namespace}`, index: indexOf(namespace) };
}

type Store = ReturnType<ReturnType<typeof opened>['open']>;

const idsOf = async (store: Store, limit: number, after?: string): Promise<string[]> =>
  (await store.list({ limit, after })).map(({ id }) => id);

/** How often the names of all records were read. */
async function wholeReads(): Promise<number> {
  const stats = `${await redis.command('INFO', 'commandstats')}`;
  return Number(/cmdstat_hkeys:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

it('the first page of a process reads no other names than its own, in the order of the ids', async () => {
  const { open } = opened();
  const writer = open();
  await writer.initialize();
  // In UTF-8 the last two would be the other way around.
  const ids = ['A', 'a', 'b', 'b c', 'z', 'é', '\u{1f600}', '\uff5e'];
  for (const id of ids.toReversed()) await writer.set(id, aRecord());
  const before = await wholeReads();
  const store = open();
  expect(await idsOf(store, 3)).toEqual(ids.slice(0, 3));
  expect(await idsOf(store, 3, ids[2])).toEqual(ids.slice(3, 6));
  expect(await idsOf(store, 9, ids[5])).toEqual(ids.slice(6));
  expect(await idsOf(store, 9, '\uffff')).toEqual([]);
  expect(await wholeReads()).toBe(before);
  expect((await store.list()).map(({ id }) => id)).toEqual(ids);
});

it.each([
  ['is lost', (index: string) => redis.command('DEL', index)],
  ['lost a name', (index: string) => redis.command('ZREMRANGEBYRANK', index, '1', '1')],
  ['has no marker', (index: string) => redis.command('ZREM', index, '0marker')],
  ['has a name too many', (index: string) => redis.command('ZADD', index, '0', 'r0041')],
])('a page is whole where the index %s, and the index is made anew', async (_, damage) => {
  const { open, index } = opened();
  const writer = open();
  await writer.initialize();
  for (const id of ['a', 'b', 'c']) await writer.set(id, aRecord());
  await damage(index);
  const store = open();
  expect(await idsOf(store, 2)).toEqual(['a', 'b']);
  await eventually(async () => expect(await redis.command('ZCARD', index)).toBe(4));
  await writer.set('d', aRecord());
  const before = await wholeReads();
  expect(await idsOf(open(), 9)).toEqual(['a', 'b', 'c', 'd']);
  expect(await wholeReads()).toBe(before);
});

it('a page rejects where a row that it has to have was taken away', async () => {
  const { open, hash } = opened();
  const writer = open();
  await writer.initialize();
  for (const id of ['a', 'b', 'c']) await writer.set(id, aRecord());
  expect(await idsOf(writer, 9)).toEqual(['a', 'b', 'c']);
  await redis.command('HDEL', hash, recordKey('b'));
  expect(await codeOf(writer.list({ limit: 9 }))).toBe('MCP_TLS_STORE_VANISHED');
  await redis.command('HDEL', hash, '0marker');
  expect(await codeOf(open().list({ limit: 9 }))).toBe('MCP_TLS_STORE_EMPTIED');
});

it('a user who may not read the index gets the same pages', async () => {
  const rights = '~mcp-tls:* &mcp-tls:* +hmget +hkeys +hset +hget +hlen +eval +publish +subscribe';
  await redis.command('ACL', 'SETUSER', 'narrow', 'on', '>open-sesame', ...rights.split(' '));
  const { open, index } = opened(redis.url.replace('//', '//narrow:open-sesame@'));
  const store = open();
  await store.initialize();
  for (const id of ['c', 'a', 'b']) await store.set(id, aRecord());
  expect(await idsOf(open(), 2)).toEqual(['a', 'b']);
  expect(await redis.command('ZCARD', index)).toBe(0);
});
