import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore, type EncryptedCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { createStorage } from '../../src/store/index.js';
import { partsOf, type ReadParts } from '../../src/store/storage.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';

/** What a process hears of the others' changes when the channel to it is in trouble. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
}, 60_000);
afterAll(() => redis.stop());

const keys = [aKey()];
/** Longer than any test: what is noticed is noticed by being told. */
const cache = { ttlMs: 600_000, negativeTtlMs: 600_000 };

function open(namespace: string, url = redis.url, more = {}): EncryptedCertificateStore {
  const store = createCertificateStore({
    keys,
    namespace,
    cache,
    storage: redisStorage(url),
    ...more,
  });
  onTestFinished(() => store.close());
  return store;
}

const hears = (store: EncryptedCertificateStore, listening: boolean, ms = 12_000) =>
  eventually(() => expect(store.stats().listening).toBe(listening), ms);

/** A store with the record `x`, and another process that has it in its cache, by way of a proxy. */
async function furnished(more = {}) {
  const namespace = `n-${randomUUID().slice(0, 8)}`;
  const proxy: TcpProxy = await startTcpProxy(redis.url);
  onTestFinished(() => proxy.close());
  const writer = open(namespace, redis.url, more);
  await writer.initialize();
  await writer.set('x', aRecord());
  const reader = open(namespace, proxy.url);
  await hears(reader, true);
  expect(await reader.get('x')).toBeDefined();
  return { namespace, proxy, writer, reader };
}

it('a change is announced in the step that makes it: a process that ends after writing has announced it', async () => {
  const { backend, invalidation } = partsOf(redisStorage(redis.url)) as Required<ReadParts>;
  // As far as it gets: the write was made, and nothing after it.
  const publish = () => new Promise<never>(() => {});
  const storage = createStorage({ backend, invalidation: { ...invalidation, publish } });
  const { namespace, reader } = await furnished();
  const told: (string | undefined)[] = [];
  reader.onChange((id) => told.push(id));
  const writer = open(namespace, redis.url, { storage });
  await writer.delete('x');
  // Nobody reads it, so that only an announcement has named it: what was missed is told without an id.
  await eventually(() => expect(told).toContain('x'), 20_000);
});

it('a path that is dead without an error is noticed, and opened anew', async () => {
  const { proxy, writer, reader } = await furnished();
  proxy.freezeSubscriptions(true);
  await writer.delete('x');
  await hears(reader, false);
  await hears(reader, true);
  expect(await reader.get('x')).toBeUndefined();
  expect(proxy.subscriptions).toBe(2);
  await writer.set('x', aRecord());
  await eventually(async () => expect(await reader.get('x')).toBeDefined(), 1_000);
}, 40_000);

it('what was cached before a path died is not given out when that is noticed', async () => {
  const { proxy, writer, reader } = await furnished();
  proxy.freezeSubscriptions(true);
  await writer.delete('x');
  const start = performance.now();
  await eventually(async () => expect(await reader.get('x')).toBeUndefined(), 12_000);
  expect(performance.now() - start).toBeLessThan(8_000);
}, 40_000);

it('messages that were lost over a path that is alive are noticed', async () => {
  const { proxy, writer, reader } = await furnished();
  proxy.loseMessages(true);
  await writer.delete('x');
  await new Promise((resolve) => setTimeout(resolve, 50));
  proxy.loseMessages(false);
  expect(await reader.get('x')).toBeDefined();
  await eventually(async () => expect(await reader.get('x')).toBeUndefined(), 8_000);
  // Nothing was opened anew for it.
  expect(proxy.subscriptions).toBe(1);
}, 40_000);

it('a Redis that is down at first is listened to when it is there', async () => {
  const late = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  onTestFinished(() => late.stop());
  const writer = open('late', late.url);
  await writer.initialize();
  await late.kill();
  const reader = open('late', late.url);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(reader.stats().listening).toBe(false);
  await late.start();
  await hears(reader, true);
  await eventually(() => writer.initialize());
  expect(await reader.get('x')).toBeUndefined();
  await writer.set('x', aRecord());
  await eventually(async () => expect(await reader.get('x')).toBeDefined(), 2_000);
}, 40_000);

it('a write that may not be announced is made, and counted', async () => {
  const guarded = await startRedis();
  onTestFinished(() => guarded.stop());
  const writer = open('mute', guarded.url);
  await writer.initialize();
  await guarded.command('ACL', 'SETUSER', 'default', '-publish');
  const revision = await writer.set('x', aRecord());
  expect(await writer.read('x')).toMatchObject({ revision });
  expect(writer.stats().invalidationFailures).toBe(1);
  // Listening is allowed, and cannot be tried.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(writer.stats().listening).toBe(true);
}, 40_000);

it('twenty reads at once of a process that has just started wait for one connection', async () => {
  const { namespace } = await furnished();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const cold = open(namespace);
  await Promise.all(Array.from({ length: 20 }, (_, i) => cold.get(`y${i}`)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
