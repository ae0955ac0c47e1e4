/**
 * A registry of 10,000 servers, 500 of which are connected to in turn, with pools for 100.
 *
 *   npm run bench:registry
 *
 * Over a directory and over Redis; prints figures, and fails where a bound is broken. The 500 servers
 * are real, each with a certificate and a port of its own; the 10,000 records are theirs, twenty of
 * each under different ids. Memory is that of a process whose TypeScript is compiled as it is loaded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../../test/store/support/start-redis.js';
import { checkBounds } from './bounds.js';
import type { GatewayOptions } from './gateway.js';
import { measureRegistry, type RegistryFigures, type RegistrySize } from './measure-registry.js';

const SIZE: RegistrySize = { registered: 10_000, connected: 500, maxPools: 100, cacheMax: 1_000 };

async function main(): Promise<void> {
  const { registered, connected, maxPools, cacheMax } = SIZE;
  console.log(
    `${registered} registered, ${connected} connected in turn, maxPools ${maxPools}, cache.max ${cacheMax}`,
  );
  const directory = mkdtempSync(join(tmpdir(), 'mcp-tls-bench-'));
  const redis = await startRedis(['--appendonly', 'yes']);
  let kept: boolean;
  try {
    kept = await measured('a directory', { directory });
    kept = (await measured('Redis', { redis: redis.url })) && kept;
  } finally {
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(kept ? '\nall bounds kept' : '\nBROKEN bounds, see above');
  process.exit(kept ? 0 : 1);
}

async function measured(name: string, place: GatewayOptions['place']): Promise<boolean> {
  console.log(`\n${name}`);
  const figures = await measureRegistry(place, SIZE);
  print(figures);
  const bounds = checkBounds(figures, SIZE);
  for (const { what, value, atMost, kept } of bounds) {
    const state = kept ? 'ok    ' : 'BROKEN';
    console.log(`  ${state} ${what}: ${value}, at most ${atMost}`);
  }
  return bounds.every(({ kept }) => kept);
}

function print({ registerMs, list, firstCallMs, footprints }: RegistryFigures): void {
  const sorted = [...firstCallMs].sort((a, b) => a - b);
  const at = (q: number) => (sorted[Math.floor((sorted.length - 1) * q)] ?? 0).toFixed(1);
  const each = (registerMs / SIZE.registered).toFixed(2);
  console.log(`  store.set of all: ${seconds(registerMs)} (${each} ms each, 16 at a time)`);
  console.log(`  list(): ${seconds(list.ms)}`);
  console.log(
    `  to the answer of a first call: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, max ${at(1)} ms`,
  );
  for (const [stage, { heapBytes, rssBytes, sockets, cached }] of Object.entries(footprints)) {
    const memory = `heap ${mb(heapBytes)}, RSS ${mb(rssBytes)}`;
    console.log(`  ${stage.padEnd(13)} ${memory}, ${sockets ?? '?'} sockets, ${cached} cached`);
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0).padStart(4)} MB`;

await main();
