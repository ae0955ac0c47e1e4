import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, openPostgres, openSqlite } from '../../examples/host-store/database.js';
import { startPostgres } from '../store/support/start-postgres.js';
import { startRedis } from '../store/support/start-redis.js';
import { startTcpProxy } from '../store/support/tcp-proxy.js';
import { namespacesRefused } from './members.js';
import type { StorePlace } from './places.js';
import type { Disturbance } from './run-round.js';

export type Mode = 'store' | 'registry' | 'held';

/** A kind of place for a store, with what can be done to it. */
export interface World {
  readonly name: string;
  readonly modes: readonly Mode[];
  /** Why it cannot be had on this machine. */
  readonly skipped?: () => string | undefined;
  open(mode: Mode): Promise<Opened>;
}

interface Opened {
  readonly place: StorePlace;
  readonly disturbances: readonly Disturbance[];
  readonly cutChannel?: (cut: boolean) => void;
  readonly ownProcessIds?: boolean;
  close(): Promise<void>;
}

type Cache = Pick<StorePlace, 'channel' | 'ttlMs'>;

const TTL_MS = 1_500;
const PROCESSES: readonly Disturbance[] = ['stop', 'stop', 'stop', 'kill'];
const DISTURBANCES: Readonly<Record<Mode, readonly Disturbance[]>> = {
  store: PROCESSES,
  registry: [...PROCESSES, 'rotate', 'rotate', 'rotate'],
  held: [],
};
const ALL: readonly Mode[] = ['store', 'registry', 'held'];
/** A cache has nothing to do with the order of writes, so flows are held without one. */
const CACHED: readonly Mode[] = ['store', 'registry'];

const FRESH: Cache = { channel: false, ttlMs: 0 };

export const WORLDS: readonly World[] = [
  { name: 'directory', modes: ALL, open: (mode) => directory(mode, FRESH) },
  {
    name: 'directory, watched',
    modes: CACHED,
    open: (mode) => directory(mode, { channel: true, ttlMs: TTL_MS }),
  },
  {
    name: 'directory, pid namespaces',
    modes: ALL,
    skipped: namespacesRefused,
    open: async (mode) => ({ ...(await directory(mode, FRESH)), ownProcessIds: true }),
  },
  { name: 'redis', modes: ALL, open: (mode) => redis('redis', mode, FRESH) },
  {
    name: 'redis, pub/sub',
    modes: ALL,
    open: (mode) => redis('redis', mode, { channel: true, ttlMs: mode === 'held' ? 0 : TTL_MS }),
  },
  { name: 'keyv-redis', modes: ALL, open: (mode) => redis('keyv-redis', mode, FRESH) },
  {
    name: 'keyv-redis, cached',
    modes: CACHED,
    open: (mode) => redis('keyv-redis', mode, { channel: false, ttlMs: TTL_MS }),
  },
  { name: 'keyv-postgres', modes: ALL, open: keyvPostgres },
  { name: 'host-sqlite', modes: ['registry', 'held'], open: hostSqlite },
  { name: 'host-postgres', modes: ['registry', 'held'], open: hostPostgres },
];

async function directory(mode: Mode, cache: Cache): Promise<Opened> {
  const at = mkdtempSync(join(tmpdir(), 'mcp-tls-processes-store-'));
  return {
    place: { kind: 'directory', at, ...cache },
    disturbances: DISTURBANCES[mode],
    close: async () => rmSync(at, { recursive: true, force: true }),
  };
}

async function redis(kind: 'redis' | 'keyv-redis', mode: Mode, cache: Cache): Promise<Opened> {
  const server = await startRedis();
  const proxy = await startTcpProxy(server.url);
  const disturbances = DISTURBANCES[mode];
  return {
    place: { kind, at: cache.channel ? proxy.url : server.url, ...cache },
    disturbances: cache.channel && mode !== 'held' ? [...disturbances, 'cut'] : disturbances,
    cutChannel: (cut) => proxy.freezeSubscriptions(cut),
    async close() {
      await proxy.close();
      await server.stop();
    },
  };
}

async function keyvPostgres(mode: Mode): Promise<Opened> {
  const server = await startPostgres();
  return {
    place: { kind: 'keyv-postgres', at: server.url, ...FRESH },
    disturbances: DISTURBANCES[mode],
    close: () => server.stop(),
  };
}

/** A host application's table says how often a registry looks at what is open. */
const HOST: Cache = { channel: false, ttlMs: 250 };

/** Node.js 22.13 and later. */
const HAS_SQLITE = process.getBuiltinModule('node:sqlite') !== undefined;

async function hostSqlite(mode: Mode): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-processes-host-'));
  chmodSync(folder, 0o700);
  const at = join(folder, 'gateways.db');
  await migrate(await openSqlite(at));
  return {
    place: { kind: 'host-sqlite', at, ...HOST },
    // The build for WebAssembly locks by a directory, which a killed process leaves behind: for ever.
    disturbances: DISTURBANCES[mode].filter((one) => HAS_SQLITE || one === 'rotate'),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function hostPostgres(mode: Mode): Promise<Opened> {
  const server = await startPostgres();
  await migrate(await openPostgres(server.url));
  return {
    place: { kind: 'host-postgres', at: server.url, ...HOST },
    disturbances: DISTURBANCES[mode],
    close: () => server.stop(),
  };
}

const MIGRATION = fileURLToPath(
  new URL('../../examples/host-store/migration.sql', import.meta.url),
);

async function migrate(database: Database): Promise<void> {
  await database.query('CREATE TABLE gateways (id TEXT PRIMARY KEY, url TEXT NOT NULL)');
  const script = readFileSync(MIGRATION, 'utf8').replace(/^--.*$/gm, '');
  for (const statement of script.split(';')) {
    if (statement.trim() !== '') await database.query(statement);
  }
  await database.close();
}
