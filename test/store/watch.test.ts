import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore, createServerRegistry } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { sharedRedis } from './support/start-redis.js';
import { startWorker, type Worker } from './workers/start-worker.js';

/** `registry.watch()` in processes of their own, over one Redis. */

const WATCHER = fileURLToPath(new URL('workers/watcher.ts', import.meta.url));
const key = randomBytes(32).toString('base64url');
let redis: Awaited<ReturnType<typeof sharedRedis>>;
const workers: Worker[] = [];

beforeAll(async () => {
  redis = await sharedRedis();
});
afterAll(async () => {
  for (const worker of workers) await worker.kill();
  await redis.stop();
});

it('divides the servers among the processes, and reports everything to each', async () => {
  const soon = new Date(Date.now() + 2 * 86_400_000);
  const certificate = await heldCertificate({ notAfter: soon });
  await using server = await startTlsServer({ certificate });
  const namespace = `watch-${randomBytes(4).toString('hex')}`;
  const store = createCertificateStore({
    keys: [{ id: 'k1', key }],
    namespace,
    storage: redisStorage(redis.url),
    timeout: { readMs: 15_000, writeMs: 15_000 },
  });
  await store.initialize();
  const registry = createServerRegistry({ store });
  onTestFinished(async () => {
    await registry.close();
    await store.close();
  });
  const ids = Array.from({ length: 30 }, (_, i) => `server-${i}`);
  for (const id of ids) {
    await registry.register(id, server.url, { expectFingerprint: certificate.fingerprint });
  }
  await expect.poll(() => server.openConnections).toBe(0);
  server.clearRecords();

  for (let i = 0; i < 3; i++) workers.push(await startWorker(WATCHER));
  await Promise.all(workers.map((worker) => worker.call('watch', redis.url, key, namespace)));
  const told = () =>
    Promise.all(workers.map((worker) => worker.call<[string, string, boolean][]>('told')));
  const expiring = ids.map((id) => `expiring ${id}`).sort();
  const names = (events: [string, string, boolean][]) =>
    events.map(([type, id]) => `${type} ${id}`).sort();
  await expect
    .poll(async () => (await told()).map(names), { timeout: 40_000 })
    .toEqual([expiring, expiring, expiring]);
  const firsts = (await told()).map((events) => events.filter(([, , first]) => first));
  expect(names(firsts.flat())).toEqual(expiring);
  // What the records alone say is reported before anybody has connected.
  await expect.poll(() => server.records.connections, { timeout: 40_000 }).toBe(ids.length);

  await workers[0]?.kill();
  await registry.revoke('server-7');
  const rest = workers.slice(1);
  await expect
    .poll(async () => {
      const all = await Promise.all(
        rest.map((worker) => worker.call<[string, string, boolean][]>('told')),
      );
      return all.map((events) => events.filter(([type]) => type === 'revoked').map(([, id]) => id));
    })
    .toEqual([['server-7'], ['server-7']]);
  expect(server.records.connections).toBe(ids.length);
}, 120_000);
