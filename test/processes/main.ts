/**
 * Several processes over one store, stopped, killed and cut off, and a judge over what they did.
 *
 *   npm run test:processes -- [--rounds N] [--seconds S] [--only NAME]
 *
 * Each round is S seconds (20) on each backend. Fails where an acknowledged change was undone or lost,
 * where something older was given out than may be, or where the store raised a false alarm.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../store/support/start-postgres.js';
import { startRedis } from '../store/support/start-redis.js';
import { startTcpProxy } from '../store/support/tcp-proxy.js';
import { buildMember } from './member-program.js';
import type { StorePlace } from './places.js';
import { type Disturbance, type RoundReport, runRound } from './run-round.js';

interface World {
  readonly name: string;
  open(): Promise<Opened>;
}

interface Opened {
  readonly place: StorePlace;
  readonly disturbances: readonly Disturbance[];
  readonly cutChannel?: (cut: boolean) => void;
  close(): Promise<void>;
}

const TTL_MS = 3_000;
const ALL: readonly Disturbance[] = ['stop', 'stop', 'stop', 'kill'];

const WORLDS: readonly World[] = [
  { name: 'directory', open: () => directory({ channel: false, ttlMs: 0 }) },
  { name: 'directory, told', open: () => directory({ channel: true, ttlMs: TTL_MS }) },
  { name: 'redis', open: () => redis('redis', { channel: false, ttlMs: 0 }) },
  { name: 'redis, pub/sub', open: () => redis('redis', { channel: true, ttlMs: TTL_MS }) },
  { name: 'keyv-redis', open: () => redis('keyv-redis', { channel: false, ttlMs: 0 }) },
  {
    name: 'keyv-redis, cached',
    open: () => redis('keyv-redis', { channel: false, ttlMs: TTL_MS }),
  },
  { name: 'keyv-postgres', open: () => postgres({ channel: false, ttlMs: 0 }) },
];

type Cache = Pick<StorePlace, 'channel' | 'ttlMs'>;

async function directory(cache: Cache): Promise<Opened> {
  const at = mkdtempSync(join(tmpdir(), 'mcp-tls-processes-store-'));
  return {
    place: { kind: 'directory', at, ...cache },
    disturbances: ALL,
    close: async () => rmSync(at, { recursive: true, force: true }),
  };
}

async function redis(kind: 'redis' | 'keyv-redis', cache: Cache): Promise<Opened> {
  const server = await startRedis();
  const proxy = await startTcpProxy(server.url);
  return {
    place: { kind, at: cache.channel ? proxy.url : server.url, ...cache },
    disturbances: cache.channel ? [...ALL, 'cut'] : ALL,
    cutChannel: (cut) => proxy.freezeSubscriptions(cut),
    async close() {
      await proxy.close();
      await server.stop();
    },
  };
}

async function postgres(cache: Cache): Promise<Opened> {
  const server = await startPostgres();
  return {
    place: { kind: 'keyv-postgres', at: server.url, ...cache },
    disturbances: ALL,
    close: () => server.stop(),
  };
}

function show(name: string, report: RoundReport): void {
  const { operations, processes, counts, latest, violations } = report;
  const errors = [...report.errors].map(([code, count]) => `${code} ${count}`).join(', ');
  const cells = [
    name.padEnd(20),
    `${operations}`.padStart(7),
    `${processes} (${counts.kill}/${counts.stop}/${counts.cut})`.padStart(16),
    `${latest.toFixed(0)} ms`.padStart(9),
    `${violations.length}`.padStart(10),
    ` ${errors}`,
  ];
  console.log(cells.join(' '));
  for (const { kind, text } of violations.slice(0, 10)) console.log(`    ${kind}: ${text}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '20' },
      only: { type: 'string' },
    },
  });
  const worlds = WORLDS.filter(({ name }) => values.only === undefined || name === values.only);
  let [rounds, violations] = [0, 0];
  const program = await buildMember();
  console.log(
    'backend              operations  processes (killed/stopped/cut)  latest  violations  refused or unsure',
  );
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, open } of worlds) {
      const { close, ...world } = await open();
      try {
        const report = await runRound({ ...world, program, seconds: Number(values.seconds) });
        show(name, report);
        violations += report.violations.length;
        rounds++;
      } finally {
        await close();
      }
    }
  }
  program.close();
  console.log(`\n${rounds} rounds, ${violations} violations`);
  process.exit(rounds > 0 && violations === 0 ? 0 : 1);
}

await main();
