/** What a watch costs over many servers that refuse every connection, and whose processes lose a subscription. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@keyv/redis';
import { createServerRegistry } from 'mcp-tls';
import { redisStorage } from 'mcp-tls/redis';
import { startRedis } from '../../test/store/support/start-redis.js';
import { freePort } from '../../test/support/waiting.js';
import { fillRedis } from './backends.js';
import { openStore, seed } from './seed.js';

const makeClient = (url: string) => createClient({ url });
type Client = ReturnType<typeof makeClient>;

export async function measureLostSubscription(n: number): Promise<void> {
  const namespace = 'scale-watch';
  const redis = await startRedis();
  const client = makeClient(redis.url);
  await client.connect();
  await seed(openStore(redisStorage(redis.url), namespace), namespace, n, (rows) =>
    fillRedis(redis.url, namespace, rows),
  );
  const store = openStore(redisStorage(redis.url), namespace);
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} servers that refuse, watched`);
  const bare = await refusedConnections(n);
  console.log(`  as many connections that are refused, bare: ${bare.toFixed(0)} CPU ms`);
  const watch = registry.watch({ intervalMs: 3_600_000, pollMs: 600_000 });
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

/** @returns the CPU time of `n` of them, of sockets alone, in ms */
async function refusedConnections(n: number): Promise<number> {
  const port = await freePort();
  const before = process.cpuUsage();
  let left = n;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      await new Promise((resolve) => connect(port, '127.0.0.1').on('error', resolve));
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
  return cpuMs(process.cpuUsage(before));
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

export const cpuMs = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;
