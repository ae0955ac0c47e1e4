import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** A connection that is opened again after `close()` keeps its process from ending. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
}, 60_000);
afterAll(() => redis.stop());

const clients = async (): Promise<number> =>
  `${await redis.command('CLIENT', 'LIST')}`.trim().split('\n').length;

it('nothing that was under way, and nothing after it, opens Redis again', async () => {
  const namespace = `n-${randomUUID().slice(0, 8)}`;
  const keys = aKey();
  const open = () => createCertificateStore({ keys, namespace, storage: redisStorage(redis.url) });
  const writer = open();
  await writer.initialize();
  await writer.set('a', aRecord());
  await writer.close();
  const rest = await clients();
  // Closed before its connection is there, between two calls, and afterwards.
  for (const before of [async () => {}, (store: typeof writer) => store.list()]) {
    const store = open();
    await before(store);
    const underWay = [store.set('a', aRecord()), store.list()].map(codeOf);
    await store.close();
    expect(await codeOf(store.notes.update('x', () => 1))).toBe('MCP_TLS_CLOSED');
    await Promise.all(underWay);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  await eventually(async () => expect(await clients()).toBe(rest), 3_000);
});
