/**
 * What the store costs with many records, beside the bare commands in the same run.
 *
 *   npm run bench:store:scale -- [--backends redis,directory,postgres] [--records 1000,10000,50000]
 *     [--pages 100000] [--watch 10000] [--plot docs/plots/store-scale.svg]
 *
 * Values are of some 2 KB, each of one of 100 certificates. Compare the ratios: the times are those of this
 * machine. `--pages`: of so many, pages only. `--watch` is for so many servers that refuse every connection,
 * whose processes all lose their subscription once.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@keyv/redis';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { GcmKey } from '../../src/store/gcm-key.js';
import { createSealer, createStoredCertificate } from '../../src/store/index.js';
import { headOf } from '../../src/store/record-heads.js';
import { recordKey } from '../../src/store/record-key.js';
import { heldCertificate } from '../../src/testing/index.js';
import { startRedis } from '../../test/store/support/start-redis.js';
import { freePort } from '../../test/support/waiting.js';
import { BACKENDS, type BenchBackend, fillRedis, type SeedRows } from './backends.js';
import { drawScale, type ScalePoint } from './draw-scale.js';

const makeClient = (url: string) => createClient({ url });
type Client = ReturnType<typeof makeClient>;

const key = { id: 'k1', key: randomBytes(32) };
const keys = [key];
const BATCH = 200;
const COLD_READS = 500;
/** First readings before those that are measured. */
const MOST_WARMING = 5_000;
const points: ScalePoint[] = [];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      backends: { type: 'string', default: 'redis,directory,postgres' },
      records: { type: 'string', default: '1000,10000,50000' },
      pages: { type: 'string', default: '100000' },
      watch: { type: 'string', default: '10000' },
      plot: { type: 'string' },
    },
  });
  const numbers = (text: string): number[] => text.split(',').map(Number).filter(Boolean);
  for (const name of values.backends.split(',').filter(Boolean)) {
    const backend = await BACKENDS[name]?.();
    if (backend === undefined) throw new Error(`no backend '${name}'`);
    try {
      for (const n of numbers(values.records)) await measureLists(backend, n);
      for (const n of numbers(values.pages)) await measurePages(backend, n);
      if (name === 'redis' && numbers(values.records).includes(50_000)) {
        await measureDivided(backend, 5, 10_000);
      }
    } finally {
      await backend.close();
    }
  }
  if (values.plot !== undefined) writeFileSync(values.plot, await drawScale(points));
  const servers = Number(values.watch);
  if (servers > 0) await measureLostSubscription(servers);
}

function openStore(
  storage: CertificateStoreOptions['storage'],
  namespace: string,
): EncryptedCertificateStore {
  return createCertificateStore({ keys, namespace, storage, timeout: { readMs: 60_000 } });
}

type Fill = (rows: SeedRows) => Promise<void>;

async function seed(store: EncryptedCertificateStore, namespace: string, n: number, fill: Fill) {
  await store.initialize();
  await store.close();
  const port = await freePort();
  const certificates = await Promise.all(Array.from({ length: 100 }, () => heldCertificate()));
  const records = certificates.map(({ pem }, i) =>
    createStoredCertificate({
      // Nobody listens there: what is measured is the store, not the handshakes.
      url: `https://127.0.0.1:${port}/mcp/${i}`,
      trust: { ca: pem, authority: false },
      approvedBy: 'operations@example.com',
    }),
  );
  const sealer = createSealer({ keys, namespace });
  const gcmKey = new GcmKey(key.id, key.key);
  for (let start = 0; start < n; start += BATCH) {
    const rows = new Map<string, { row: string; head: string }>();
    for (let i = start; i < Math.min(start + BATCH, n); i++) {
      const id = idOf(i);
      const record = records[i % records.length] as (typeof records)[number];
      const row = await sealer.seal(id, record, 1);
      const context = { namespace, kind: 'record', id } as const;
      const head = headOf(gcmKey, context, row, { revision: 1, live: true });
      rows.set(recordKey(id), { row, head });
    }
    await fill(rows);
  }
}

const idOf = (i: number): string => `server-${String(i).padStart(6, '0')}`;

async function seeded(backend: BenchBackend, namespace: string, n: number) {
  const fill: Fill = (rows) => backend.fill(namespace, rows);
  await seed(openStore(backend.storage(), namespace), namespace, n, fill);
  const store = openStore(backend.storage(), namespace);
  // What any first call pays, whatever the number of records: a connection, the marker.
  await store.get('not there');
  return store;
}

async function measureLists(backend: BenchBackend, n: number): Promise<void> {
  const namespace = `scale-${n}`;
  const store = await seeded(backend, namespace, n);
  const raw = await timed(3, () => backend.readAll(namespace, BATCH));
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} records in ${backend.name}`);
  console.log(row('', 'ms', 'CPU ms', 'x raw'));
  const show = shower(backend.name, n, raw);
  show('raw: names, rows by 200', raw);
  show('first page of 20', await timed(1, () => registry.list({ limit: 20 })));
  show('page of 20', await timed(5, () => registry.list({ limit: 20 })));
  const firstList = async () => {
    const another = openStore(backend.storage(), namespace);
    await another.list();
    await another.close();
  };
  show('first store.list() of a process', await timed(3, firstList));
  await store.list();
  show('store.list()', await timed(3, () => store.list()));
  show('registry.list()', await timed(2, () => registry.list()));
  show('rewrap(), nothing to do', await timed(3, () => store.rewrap()));
  await store.close();
  await measureColdReads(backend, namespace, n);
  await backend.empty(namespace);
}

async function measurePages(backend: BenchBackend, n: number): Promise<void> {
  const namespace = `pages-${n}`;
  const store = await seeded(backend, namespace, n);
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} records in ${backend.name}`);
  const show = shower(backend.name, n, undefined);
  show('first page of 20', await timed(1, () => registry.list({ limit: 20 })));
  show('page of 20', await timed(5, () => registry.list({ limit: 20 })));
  const after = idOf(n >> 1);
  show('page of 20, in the middle', await timed(5, () => registry.list({ limit: 20, after })));
  await store.close();
  await backend.empty(namespace);
}

/** As many records as the largest, divided among namespaces: hashes of their own, on any node of a cluster. */
async function measureDivided(backend: BenchBackend, parts: number, each: number): Promise<void> {
  const names = Array.from({ length: parts }, (_, i) => `part-${i}`);
  const stores = [];
  for (const name of names) stores.push(await seeded(backend, name, each));
  const registries = stores.map((store) => createServerRegistry({ store }));
  console.log(`\n${parts} namespaces of ${each} records in ${backend.name}`);
  const show = shower(backend.name, undefined, undefined);
  const [one] = registries;
  show('first page of 20, of one', await timed(1, async () => one?.list({ limit: 20 })));
  const first = () => Promise.all(registries.map((registry) => registry.list({ limit: 20 })));
  show('page of 20, of each', await timed(3, first));
  const all = async () => {
    for (const registry of registries) await registry.list();
  };
  show('registry.list(), of each', await timed(1, all));
  await Promise.all(registries.map((registry) => registry.close()));
  await Promise.all(stores.map((store) => store.close()));
  for (const name of names) await backend.empty(name);
}

function shower(backend: string, records: number | undefined, raw: Timed | undefined) {
  return (call: string, { ms, cpu }: Timed): void => {
    if (records !== undefined) points.push({ backend, call, records, ms });
    const ratio = raw === undefined ? '' : (ms / raw.ms).toFixed(2);
    console.log(row(call, ms.toFixed(ms < 10 ? 1 : 0), cpu.toFixed(0), ratio));
  };
}

/** One after the other: no two are answered together. */
async function measureColdReads(
  backend: BenchBackend,
  namespace: string,
  n: number,
): Promise<void> {
  const options = { keys, namespace, cache: { ttlMs: 0 } };
  await using first = createCertificateStore({ ...options, storage: backend.storage() });
  const record = await first.get(idOf(0));
  await backend.bare.set('a', record);
  const reads = async (read: (i: number) => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < COLD_READS; i++) await read(i);
  };
  await reads(() => backend.bare.get('a'));
  const keyv = await timed(3, () => reads(() => backend.bare.get('a')));
  // What a new process pays for code that has not run yet is told apart.
  const begin = await timed(1, () => reads((i) => first.get(idOf(i))));
  const warmUp = Math.min(n - COLD_READS, MOST_WARMING);
  for (let i = COLD_READS; i < warmUp; i++) await first.get(idOf(i));
  const cold = await timed(1, () => reads((i) => first.get(idOf(warmUp + i))));
  const again = await timed(3, () => reads((i) => first.get(idOf(i % n))));
  const each = ({ ms }: Timed): string => ((ms * 1000) / COLD_READS).toFixed(0);
  const of = (one: Timed): string => `${each(one)} us (${(one.ms / keyv.ms).toFixed(2)} x)`;
  console.log(
    `  a read of bare Keyv: ${each(keyv)} us; the first of a record: ${of(cold)}, in a new process ${of(begin)}; of one that has not changed: ${of(again)}`,
  );
}

async function measureLostSubscription(n: number): Promise<void> {
  const namespace = 'scale-watch';
  const redis = await startRedis();
  const client = makeClient(redis.url);
  await client.connect();
  await seed(openStore(redisStorage(redis.url), namespace), namespace, n, (rows) =>
    fillRedis(redis.url, namespace, rows),
  );
  const store = openStore(redisStorage(redis.url), namespace);
  await using registry = createServerRegistry({ store });
  const watch = registry.watch({ intervalMs: 3_600_000, pollMs: 600_000 });
  console.log(`\n${n} servers that refuse, watched`);
  show('the first look', await settled(client, 3));
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
  show('one lost subscription', await settled(client, 3));
  await watch.close();
  await store.close();
  client.destroy();
  await redis.stop();

  function show(name: string, { bytes, cpu }: { bytes: number; cpu: number }): void {
    const read = `${(bytes / 1e6).toFixed(1)} MB read`;
    console.log(`  ${name.padEnd(32)} ${read.padStart(14)} ${cpu.toFixed(0).padStart(8)} CPU ms`);
  }
}

/** What Redis sent and this process spent until `quiet` seconds in a row had neither. */
async function settled(client: Client, quiet: number): Promise<{ bytes: number; cpu: number }> {
  const [sent, before] = [await sentBytes(client), process.cpuUsage()];
  let [lastBytes, lastCpu] = [sent, cpuMs(process.cpuUsage())];
  let [bytes, cpu] = [0, 0];
  for (let still = 0; still < quiet; ) {
    await sleep(1_000);
    const [nowBytes, nowCpu] = [await sentBytes(client), cpuMs(process.cpuUsage())];
    // Beats of the subscription and this very look are a few KB and a few ms.
    const isQuiet = nowBytes - lastBytes < 100_000 && nowCpu - lastCpu < 150;
    still = isQuiet ? still + 1 : 0;
    if (!isQuiet) [bytes, cpu] = [nowBytes - sent, cpuMs(process.cpuUsage(before))];
    [lastBytes, lastCpu] = [nowBytes, nowCpu];
  }
  return { bytes, cpu };
}

async function sentBytes(client: Client): Promise<number> {
  const info = await client.info('stats');
  return Number(/^total_net_output_bytes:(\d+)/m.exec(info)?.[1]);
}

const cpuMs = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

interface Timed {
  readonly ms: number;
  readonly cpu: number;
}

/** The fastest of `times`: others work on the same machine. */
async function timed(times: number, task: () => Promise<unknown>): Promise<Timed> {
  let best: Timed | undefined;
  for (let i = 0; i < times; i++) {
    const [begun, before] = [performance.now(), process.cpuUsage()];
    await task();
    const ms = performance.now() - begun;
    if (best === undefined || ms < best.ms) best = { ms, cpu: cpuMs(process.cpuUsage(before)) };
  }
  return best as Timed;
}

function row(name: string, ...cells: readonly string[]): string {
  return `  ${name.padEnd(32)}${cells.map((cell) => cell.padStart(10)).join('')}`;
}

await main();
