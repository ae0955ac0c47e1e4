import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { recordKey } from '../../src/store/record-key.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** Lists over Redis: what a process has not seen before is told by the heads of the rows. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
}, 60_000);
afterAll(() => redis.stop());

function opened() {
  const namespace = `h-${randomUUID().slice(0, 8)}`;
  const keys = aKey();
  const open = () => {
    const store = createCertificateStore({ keys, namespace, storage: redisStorage(redis.url) });
    onTestFinished(() => store.close());
    return store;
  };
  return { open, hash: `mcp-tls:${namespace}` };
}

const sentBytes = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(`${await redis.command('INFO', 'stats')}`)?.[1]);

it('the first list of a process reads a fraction of the rows', async () => {
  const { open, hash } = opened();
  const writer = open();
  await writer.initialize();
  const ids = Array.from({ length: 300 }, (_, i) => `server-${String(i).padStart(3, '0')}`);
  await Promise.all(ids.map((id) => writer.set(id, aRecord())));
  await writer.delete('server-007');
  const rowBytes = Number(await redis.command('HSTRLEN', hash, recordKey('server-001')));
  const store = open();
  await store.get('server-001');
  const before = await sentBytes();
  const listed = await store.list();
  const sent = (await sentBytes()) - before;
  expect(listed.map(({ id }) => id)).toEqual(ids.filter((id) => id !== 'server-007'));
  expect(listed).toEqual(await writer.list());
  expect(sent).toBeLessThan((ids.length * rowBytes) / 4);
});

it.each([
  ['no text of ours', 'x'.repeat(100_000)],
  ['nothing', ''],
  ['a dot', '.'],
  ['dots after a long text', `${'x'.repeat(100_000)}....`],
])('a row that holds %s is found by the first list', async (_, planted) => {
  const { open, hash } = opened();
  const writer = open();
  await writer.initialize();
  for (const id of ['a', 'b']) await writer.set(id, aRecord());
  await redis.command('HSET', hash, recordKey('a'), planted);
  expect(await codeOf(open().list())).toBe('MCP_TLS_STORE_TAMPERED');
});

it.each(['heads', 'names'])(
  'lists read the rows where the key of the %s is of another type',
  async (what) => {
    const { open, hash } = opened();
    const writer = open();
    await writer.initialize();
    for (const id of ['a', 'b', 'c']) await writer.set(id, aRecord());
    const truth = await writer.list();
    await redis.command('SET', `mcp-tls:${what}:{${hash}}`, 'x');
    expect(await open().list()).toEqual(truth);
    expect(await open().list({ limit: 2 })).toEqual(truth.slice(0, 2));
    await writer.delete('b');
    expect((await open().list()).map(({ id }) => id)).toEqual(['a', 'c']);
  },
);
