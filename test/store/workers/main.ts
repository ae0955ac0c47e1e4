/**
 * Eight processes over one store.
 *
 *   npm run test:store:workers
 *
 * Reads that many callers share, how soon a revocation is seen, kill -9 in the middle of writes, and
 * a change of the key under load. Prints figures; fails where a promise is broken.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateStore, directoryStorage, type RewrapReport } from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { aRecord } from '../../unit/store/support.js';
import { type RedisServer, startRedis } from '../support/start-redis.js';
import { startWorker, type Worker } from './start-worker.js';
import type { WorkerStore } from './worker.js';

const WORKERS = 8;
const key = (id: string) => ({ id, key: randomBytes(32).toString('base64url') });
const [k1, k2] = [key('k1'), key('k2')];
const record = aRecord();
const broken: string[] = [];

function promise(kept: boolean, text: string): void {
  console.log(`  ${kept ? 'ok    ' : 'BROKEN'} ${text}`);
  if (!kept) broken.push(text);
}

const startAll = (): Promise<Worker[]> =>
  Promise.all(Array.from({ length: WORKERS }, () => startWorker()));
const tell = <T>(workers: readonly Worker[], task: string, ...args: unknown[]): Promise<T[]> =>
  Promise.all(workers.map((worker) => worker.call<T>(task, ...args)));

function figures(sorted: number[]): { median: number; p95: number; max: number } {
  sorted.sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
  return { median: at(0.5), p95: at(0.95), max: at(1) };
}

const ms = (value: number) => `${value.toFixed(2)} ms`;

function ownStore(redis: RedisServer) {
  return createCertificateStore({
    keys: [k1],
    namespace: 'workers',
    storage: redisStorage(redis.url),
  });
}

async function coldReads(redis: RedisServer, workers: Worker[]): Promise<void> {
  console.log('\n1000 cold gets at once in each of 8 processes');
  const store = ownStore(redis);
  await store.set('cold', record);
  const readsOf = async () =>
    Number(
      /cmdstat_hmget:calls=(\d+)/.exec(`${await redis.command('INFO', 'commandstats')}`)?.[1] ?? 0,
    );
  await tell(
    workers,
    'open',
    { place: { redis: redis.url }, keys: [k1] } satisfies WorkerStore,
    record,
  );
  const before = await readsOf();
  const results = await tell<{ loads: number; found: number }>(workers, 'coldGets', 'cold', 1_000);
  const reads = (await readsOf()) - before;
  promise(
    results.every(({ found }) => found === 1_000),
    'each caller got the record',
  );
  promise(reads === WORKERS, `${reads} reads of Redis for ${WORKERS * 1_000} calls`);
  await store.close();
}

async function invalidation(redis: RedisServer, workers: Worker[]): Promise<void> {
  for (const [title, options, rounds] of [
    ['a revocation over pub/sub', { ttlMs: 30_000 }, 40],
    ['the same with pub/sub cut, ttlMs 500', { ttlMs: 500, invalidation: false }, 6],
  ] as const) {
    console.log(`\n${title}: until all others see it`);
    const place = { place: { redis: redis.url }, keys: [k1], ...options } satisfies WorkerStore;
    await tell(workers, 'open', place, record);
    const [first, ...others] = workers as [Worker, ...Worker[]];
    const store = ownStore(redis);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const id = `revoked-${title.length}-${round}`;
      await store.set(id, record);
      await tell(workers, 'get', id);
      const watching = tell<number>(others, 'seeGone', id);
      await sleep(5);
      const begun = await first.call<number>('revoke', id);
      times.push(...(await watching).map((seen) => seen - begun));
    }
    const { median, p95, max } = figures(times);
    console.log(
      `  ${times.length} sightings: median ${ms(median)}, 95 % ${ms(p95)}, max ${ms(max)}`,
    );
    if (options.ttlMs === 30_000) promise(median <= 50, 'median at most 50 ms');
    else promise(max <= 700, 'never later than the time to live, and the read that follows');
    await store.close();
  }
}

async function killed(place: WorkerStore['place'], name: string): Promise<void> {
  console.log(`\nkill -9 in the middle of writes: ${name}`);
  const open = () =>
    createCertificateStore({
      keys: [k1],
      namespace: 'workers',
      cache: { ttlMs: 0 },
      storage:
        'redis' in place
          ? redisStorage(place.redis, { watch: false })
          : directoryStorage(place.directory, { watch: false }),
    });
  const setUp = open();
  await setUp.initialize();
  let [writes, lost, unreadable] = [0, 0, 0];
  for (let round = 0; round < 3; round++) {
    const workers = await startAll();
    const ids = workers.map((_, i) => `killed-${round}-${i}`);
    await tell(workers, 'open', { place, keys: [k1] } satisfies WorkerStore, record);
    for (const [i, worker] of workers.entries())
      worker.call('writeForEver', ids[i]).catch(() => {});
    // In the middle: each has written, none has stopped.
    while (workers.some(({ acknowledged }) => acknowledged < 5)) await sleep(5);
    await sleep(Math.random() * 300);
    await Promise.all(workers.map((worker) => worker.kill()));
    const store = open();
    for (const [i, worker] of workers.entries()) {
      writes += worker.acknowledged;
      try {
        const found = Number((await store.get(ids[i] as string))?.approvedBy ?? 0);
        if (found < worker.acknowledged) lost++;
      } catch {
        unreadable++;
      }
    }
    await store.list();
    // Locks and half-written files of the dead are in nobody's way.
    const start = performance.now();
    await Promise.all(ids.map((id) => store.set(id, record)));
    promise(
      performance.now() - start < 2_000,
      `round ${round + 1}: all records can be written at once after it`,
    );
    await store.close();
  }
  promise(unreadable === 0, `${unreadable} torn records after ${writes} acknowledged writes`);
  promise(lost === 0, `${lost} acknowledged writes lost`);
  await setUp.close();
}

async function rotation(redis: RedisServer, workers: Worker[]): Promise<void> {
  console.log('\na change of the key, with 8 processes that read and write');
  const place = { redis: redis.url };
  const phases: readonly [string, Omit<WorkerStore, 'place'>][] = [
    ['all have the old key', { keys: [k1] }],
    ['all can read the new one', { keys: [k1, k2] }],
    ['all write the new one', { keys: [k2, k1] }],
    ['rewrapped', { keys: [k2, k1] }],
    ['the old one is retired', { keys: [k2], retired: ['k1'] }],
  ];
  const ids = Array.from({ length: 30 }, (_, i) => `shared-${i}`);
  const store = ownStore(redis);
  for (const id of ids) await store.set(id, record);
  const last = workers.map(() => 0);
  let [reads, writes] = [0, 0];
  const failures: string[] = [];
  await tell(workers, 'open', { ...phases[0]?.[1], place }, record);
  for (const [i, worker] of workers.entries()) await worker.call('work', `own-${i}`, 0, ids);
  for (const [name, options] of phases) {
    // One after another, as a rolling restart does it: neighbours are in different phases.
    for (const [i, worker] of workers.entries()) {
      const done = await worker.call<{ last: number; reads: number; failures: string[] }>('stop');
      failures.push(...done.failures);
      reads += done.reads;
      writes += done.last - (last[i] as number);
      last[i] = done.last;
      await worker.call('open', { place, ...options, ttlMs: 20 }, record);
      await worker.call('work', `own-${i}`, done.last, ids);
      await sleep(30);
    }
    if (name !== 'rewrapped') continue;
    const reports = await tell<RewrapReport>(workers.slice(0, 2), 'rewrap');
    for (const { total, rewrapped, current, failed, guard } of reports) {
      console.log(
        `  rewrap: ${total} rows, ${rewrapped} rewrapped, ${current} current, ${failed.length} failed, ${guard}`,
      );
      promise(failed.length === 0, 'a rewrap that failed nowhere');
    }
    const [again] = await tell<RewrapReport>(workers.slice(0, 1), 'rewrap');
    promise(again?.rewrapped === 0, 'a second one finds nothing left to do');
  }
  for (const [i, worker] of workers.entries()) {
    const done = await worker.call<{ last: number; reads: number; failures: string[] }>('stop');
    failures.push(...done.failures);
    reads += done.reads;
    writes += done.last - (last[i] as number);
    last[i] = done.last;
  }
  const after = createCertificateStore({
    keys: k2,
    retiredKeys: ['k1'],
    namespace: 'workers',
    storage: redisStorage(redis.url, { watch: false }),
  });
  let lost = 0;
  for (const [i, n] of last.entries()) {
    if ((await after.get(`own-${i}`))?.approvedBy !== `${n}`) lost++;
  }
  promise(
    failures.length === 0,
    `${failures.length} failed of ${reads} reads and ${writes} writes ${failures[0] ?? ''}`,
  );
  promise(lost === 0, `${lost} of ${WORKERS} last writes lost`);
  promise(
    (await after.list()).length >= ids.length + WORKERS,
    'every record opens with the new key alone',
  );
  await Promise.all([store.close(), after.close()]);
}

async function main(): Promise<void> {
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec']);
  const directory = mkdtempSync(join(tmpdir(), 'mcp-tls-workers-'));
  const workers = await startAll();
  try {
    const store = ownStore(redis);
    await store.initialize();
    await store.close();
    await coldReads(redis, workers);
    await invalidation(redis, workers);
    await killed({ redis: redis.url }, 'mcp-tls/redis');
    await killed({ directory }, 'directory');
    await rotation(redis, workers);
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`\n${broken.length === 0 ? 'all promises kept' : `${broken.length} broken`}`);
  process.exit(broken.length === 0 ? 0 : 1);
}

await main();
