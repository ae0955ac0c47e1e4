/**
 * A gateway of several processes over one Redis, for as long as one likes, while everything around it changes.
 *
 *   npm run soak -- [--minutes 10] [--workers 8] [--servers 200] [--plot docs/plots/soak.svg]
 *     [--preload /usr/lib/x86_64-linux-gnu/libjemalloc.so.2]
 *
 * With `--preload`, every second worker has another allocator: what grows with one of them alone is not held by us.
 *
 * Calls over streamable HTTP and SSE with the SDK v1, and streamable HTTP with v2, each with its standing stream;
 * servers rotate their certificates with and without the same key, restart, are revoked and registered again;
 * Redis is killed and started; workers are killed and replaced. Fails if a call was made twice, an answer was
 * another call's, a server was called over trust that was revoked, or something is left at the end.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createCertificateStore, createServerRegistry } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { startRedis } from '../store/support/start-redis.js';
import { startWorker, type Worker } from '../store/workers/start-worker.js';
import { drawSoak } from './draw-soak.js';
import { type SoakServer, startServer } from './servers.js';
import type { SoakSample, WorkerReport, WorkerStart } from './worker.js';

/** What docs/store.md promises where Redis can be reached; and a second for a machine that is busy. */
const SEEN_MS = 6_000;
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const broken: string[] = [];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    workers: { type: 'string', default: '8' },
    servers: { type: 'string', default: '200' },
    plot: { type: 'string' },
    preload: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const key = { id: 'k1', key: randomBytes(32).toString('base64url') };
  const storage = redisStorage(redis.url);
  const store = createCertificateStore({ keys: key, storage, namespace: 'soak' });
  await store.initialize();
  const registry = createServerRegistry({ store });
  const servers: SoakServer[] = [];
  for (let i = 0; i < Number(values.servers); i++) servers.push(await startServer(`s${i}`));
  const register = (server: SoakServer) =>
    registry.register(server.id, `${server.url}/mcp`, {
      expectFingerprint: server.certificate.certificate.fingerprint256,
      pin: 'key',
    });
  for (const server of servers) await register(server);

  let started = 0;
  const urls = Object.fromEntries(servers.map(({ id, url }) => [id, url]));
  async function start(): Promise<Worker> {
    const number = started++;
    const { preload } = values;
    const env = preload !== undefined && number % 2 === 1 ? { LD_PRELOAD: preload } : {};
    const worker = await startWorker(WORKER, { env });
    allocators.set(worker, preload !== undefined && number % 2 === 1);
    const options = { name: `w${number}`, redis: redis.url, key, servers: urls, callers: 4 };
    await worker.call('start', options satisfies WorkerStart);
    return worker;
  }
  const allocators = new Map<Worker, boolean>();
  const workers: Worker[] = [];
  for (let i = 0; i < Number(values.workers); i++) workers.push(await start());

  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
  const until = performance.now() + Number(values.minutes) * 60_000;
  for (let round = 1; performance.now() < until; round++) {
    const server = any(servers);
    try {
      if (round % 40 === 0) {
        count('Redis killed');
        await redis.kill();
        await sleep(1_000);
        await redis.start();
      } else if (round % 25 === 0) {
        count('workers killed');
        await workers.shift()?.kill();
        workers.push(await start());
      } else if (round % 4 === 0) {
        count('revocations');
        await registry.revoke(server.id);
        const revoked = performance.now();
        await sleep(SEEN_MS + 500);
        if (server.lastCall > revoked + SEEN_MS)
          broken.push(`${server.id} was called after it was revoked`);
        await register(server);
      } else if (round % 4 === 1) {
        count('rotations, same key');
        await server.rotate(true);
      } else if (round % 4 === 2) {
        count('rotations, another key');
        await server.rotate(false);
        await sleep(200);
        const fingerprint = server.certificate.certificate.fingerprint256;
        await registry.renew(server.id, { expectFingerprint: fingerprint });
      } else {
        count('restarts of servers');
        await server.restart();
      }
    } catch (error) {
      // Such as while Redis starts: what did not happen is done by a later round.
      count(`${(error as { code?: string }).code ?? error} of what was to be done`);
    }
    await sleep(250);
  }

  const reports = await Promise.all(workers.map((worker) => worker.call<WorkerReport>('end')));
  await registry.close();
  await store.close();
  for (const server of servers) await server.close();
  await redis.stop();
  const preloaded = workers.map((worker) => allocators.get(worker) === true);
  show(reports, preloaded, servers, counts);
  if (values.plot !== undefined) writeFileSync(values.plot, await drawSoak(reports));
  process.exit(broken.length === 0 ? 0 : 1);
}

function show(
  reports: readonly WorkerReport[],
  preloaded: readonly boolean[],
  servers: readonly SoakServer[],
  counts: Readonly<Record<string, number>>,
): void {
  const sum = (of: (report: WorkerReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const arrived = servers.flatMap(({ calls }) => [...calls.values()]);
  const doubled = arrived.filter((times) => times > 1).length;
  if (doubled > 0) broken.push(`${doubled} calls were made twice`);
  if (sum(({ wrong }) => wrong) > 0) broken.push('an answer was that of another call');
  const left = reports.flatMap((report) => report.left);
  if (left.length > 0) broken.push(`left after close: ${left.join(', ')}`);
  const failures: Record<string, number> = {};
  for (const report of reports) {
    for (const [code, times] of Object.entries(report.failures)) {
      failures[code] = (failures[code] ?? 0) + times;
    }
  }
  console.log(`\n${arrived.length} calls arrived, ${doubled} of them twice`);
  console.log(
    `of those workers that lived to the end: ${sum(({ calls }) => calls)} calls, ${sum(({ answered }) => answered)} answered`,
  );
  console.log('failed, by reason:', failures);
  console.log('done meanwhile:', counts);
  for (const [i, { samples }] of reports.entries()) {
    console.log(
      `worker ${i}, ${preloaded[i] ? 'the other allocator' : 'the allocator of the system'}: ${samples.length} samples`,
    );
    // What a process has when it starts is no leak.
    const steady = samples.slice(Math.floor(samples.length / 3));
    for (const [name, unit] of Object.entries(UNITS)) {
      const of = (one: SoakSample) => one[name as keyof SoakSample] / unit;
      const trend = slope(steady.map((one) => [one.at / 60_000, of(one)]));
      const [first, last] = [steady[0], steady.at(-1)].map((one) =>
        one ? of(one).toFixed(1) : '',
      );
      console.log(`  ${name.padEnd(10)} ${first} to ${last}, ${trend} a minute`);
    }
  }
  for (const one of broken) console.log(`BROKEN ${one}`);
}

/** What is looked at, and in what it is shown: MB, or as many. */
const UNITS: Partial<Record<keyof SoakSample, number>> = {
  rss: 1e6,
  heap: 1e6,
  code: 1e6,
  external: 1e6,
  handles: 1,
  sockets: 1,
  listeners: 1,
};

/** Least squares, with the standard error of the slope. */
function slope(points: readonly (readonly [number, number])[]): string {
  const n = points.length;
  if (n < 3) return 'too short to say';
  const [mx, my] = [0, 1].map((i) => points.reduce((s, p) => s + (p[i] as number), 0) / n) as [
    number,
    number,
  ];
  const sxx = points.reduce((s, [x]) => s + (x - mx) ** 2, 0);
  const b = points.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / sxx;
  const rest = points.reduce((s, [x, y]) => s + (y - my - b * (x - mx)) ** 2, 0);
  return `${b.toFixed(2)} ± ${Math.sqrt(rest / (n - 2) / sxx).toFixed(2)}`;
}

await main();
