import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { aKey, aRecord } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** Pages of a list over Redis, whose names of records are held as long as they are the same. */

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
