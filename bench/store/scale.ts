/**
 * What the store costs with many records in Redis, beside the bare commands in the same run.
 *
 *   npm run bench:store:scale -- [--records 1000,10000,50000] [--watch 10000]
 *
 * Values are of some 2 KB, each of one of 100 certificates. Compare the ratios: the times are those of this
 * machine. `--watch` is for so many servers that refuse every connection, whose processes all lose their
 * subscription once.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import KeyvRedis, { createClient } from '@keyv/redis';
import { Keyv } from 'keyv';
import {
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { createSealer, createStoredCertificate } from '../../src/store/index.js';
import { recordKey } from '../../src/store/record-key.js';
import { heldCertificate } from '../../src/testing/index.js';
import { type RedisServer, startRedis } from '../../test/store/support/start-redis.js';
import { freePort } from '../../test/support/waiting.js';

const makeClient = (url: string) => createClient({ url });
type Client = ReturnType<typeof makeClient>;

const keys = [{ id: 'k1', key: randomBytes(32) }];
const BATCH = 200;
const COLD_READS = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000,10000,50000' },
      watch: { type: 'string', default: '10000' },
    },
  });
  const redis = await startRedis();
  const client = makeClient(redis.url);
  try {
    await client.connect();
    for (const n of values.records.split(',').map(Number).filter(Boolean)) {
      await measureLists(redis, client, n);
    }
    const servers = Number(values.watch);
    if (servers > 0) await measureLostSubscription(redis, client, servers);
  } finally {
    client.destroy();
    await redis.stop();
  }
}

function openStore(redis: RedisServer, namespace: string): EncryptedCertificateStore {
  const storage = redisStorage(redis.url);
  return createCertificateStore({ keys, namespace, storage, timeout: { readMs: 60_000 } });
}

async function seed(
  redis: RedisServer,
  client: Client,
  namespace: string,
  n: number,
): Promise<void> {
  const store = openStore(redis, namespace);
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
  for (let start = 0; start < n; start += BATCH) {
    const rows: Record<string, string> = {};
    for (let i = start; i < Math.min(start + BATCH, n); i++) {
      const id = idOf(i);
      const record = records[i % records.length] as (typeof records)[number];
      rows[recordKey(id)] = await sealer.seal(id, record, 1);
    }
    await client.hSet(`mcp-tls:${namespace}`, rows);
  }
}

const idOf = (i: number): string => `server-${String(i).padStart(6, '0')}`;

async function measureLists(redis: RedisServer, client: Client, n: number): Promise<void> {
  const namespace = `scale-${n}`;
  await seed(redis, client, namespace, n);
  const raw = await timed(3, () => readRaw(client, namespace));
  const store = openStore(redis, namespace);
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} records in Redis`);
  console.log(row('', 'ms', 'CPU ms', 'x raw'));
  const show = (name: string, { ms, cpu }: Timed): void =>
    console.log(row(name, ms.toFixed(0), cpu.toFixed(0), (ms / raw.ms).toFixed(2)));
  show('HKEYS, and HMGET of 200 each', raw);
  show('registry.list({ limit: 20 }), first', await timed(1, () => registry.list({ limit: 20 })));
  show('store.list({ limit: 20 })', await timed(3, () => store.list({ limit: 20 })));
  show('store.list()', await timed(3, () => store.list()));
  show('registry.list({ limit: 20 })', await timed(3, () => registry.list({ limit: 20 })));
  show('registry.list()', await timed(1, () => registry.list()));
  show('rewrap(), nothing to do', await timed(3, () => store.rewrap()));
  await store.close();
  await measureColdReads(redis, namespace, n);
  await client.del(`mcp-tls:${namespace}`);
}

async function readRaw(client: Client, namespace: string): Promise<void> {
  const fields = await client.hKeys(`mcp-tls:${namespace}`);
  for (let start = 0; start < fields.length; start += BATCH) {
    await client.hmGet(`mcp-tls:${namespace}`, fields.slice(start, start + BATCH));
  }
}

/** One after the other: no two are answered together. */
async function measureColdReads(redis: RedisServer, namespace: string, n: number): Promise<void> {
  const adapter = new KeyvRedis<string>(redis.url);
  const bare = new Keyv(adapter, { namespace: 'bare', useKeyPrefix: false });
  const storage = redisStorage(redis.url);
  await using cold = createCertificateStore({ keys, namespace, storage, cache: { ttlMs: 0 } });
  const record = await cold.get(idOf(0));
  await bare.set('a', record);
  const reads = async (read: (i: number) => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < COLD_READS; i++) await read(i);
  };
  await reads(() => bare.get('a'));
  await reads((i) => cold.get(idOf(i % n)));
  const keyv = await timed(3, () => reads(() => bare.get('a')));
  const store = await timed(3, () => reads((i) => cold.get(idOf(i % n))));
  const each = ({ ms }: Timed): string => ((ms * 1000) / COLD_READS).toFixed(0);
  const ratio = (store.ms / keyv.ms).toFixed(2);
  console.log(`  a cold read: ${each(store)} us; of bare Keyv: ${each(keyv)} us; ${ratio} x`);
  await adapter.disconnect(true);
}

async function measureLostSubscription(
  redis: RedisServer,
  client: Client,
  n: number,
): Promise<void> {
  const namespace = 'scale-watch';
  await seed(redis, client, namespace, n);
  const store = openStore(redis, namespace);
  await using registry = createServerRegistry({ store });
  const watch = registry.watch({ intervalMs: 3_600_000, pollMs: 600_000 });
  console.log(`\n${n} servers that refuse, watched`);
  show('the first look', await settled(client, 3));
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
  show('one lost subscription', await settled(client, 3));
  await watch.close();
  await store.close();

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
