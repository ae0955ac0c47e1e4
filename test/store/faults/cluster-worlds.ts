import { createCluster, createSentinel } from '@keyv/redis';
import {
  type RedisClientLike,
  type RedisStorageOptions,
  redisStorage,
} from '../../../src/redis/index.js';
import { partsOf, type ReadParts } from '../../../src/store/storage.js';
import { eventually } from '../../support/waiting.js';
import type { Place } from '../support/places.js';
import { rowsOf } from '../support/rows.js';
import { type RedisServers, startCluster, startSentinels } from '../support/start-cluster.js';
import type { World } from './worlds.js';

/** Started once, since that takes long, and anew after a fault that one of their nodes does not survive. */
let cluster: Promise<RedisServers> | undefined;
let sentinels: ReturnType<typeof startSentinels> | undefined;

export async function stopClusters(): Promise<void> {
  await (await cluster)?.stop();
  await (await sentinels)?.stop();
  [cluster, sentinels] = [undefined, undefined];
}

export async function clusterWorld(namespace: string): Promise<World> {
  cluster ??= startCluster();
  const servers = await cluster;
  const make = (): RedisClientLike => {
    const rootNodes = servers.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
    // As an application may have set it: what is read by the store is read from the master all the same.
    return createCluster({ rootNodes, useReplicas: true });
  };
  const hash = `mcp-tls:${namespace}`;
  const place = placeOf(make, hash);
  await place.rows(namespace).then(async (rows) => {
    for (const key of await rows.keys()) await rows.remove(key);
  });
  const replicaAndMaster = async () => {
    for (const replica of servers.ports.slice(3)) {
      const info = `${await servers.command(replica, 'INFO', 'replication')}`;
      const master = Number(/master_port:(\d+)/.exec(info)?.[1]);
      const held = await servers.command(master, 'EXISTS', hash).catch(() => 0);
      if (held === 1) return { master, replica };
    }
    throw new Error('no node has the store');
  };
  return {
    place,
    // A client asks its nodes for each other first.
    patienceMs: 5_000,
    behind: await behind(servers, replicaAndMaster),
    ...troubles(servers),
    down: { begin: servers.killAll, end: servers.startAll },
    async restart() {
      await servers.killAll();
      await servers.startAll();
    },
    async dieWith() {
      const { master } = await replicaAndMaster();
      cluster = undefined;
      await servers.kill(master);
    },
    async close() {
      await place.close();
      // One that lost a node is nobody's any more.
      if (cluster === undefined) await servers.stop();
    },
  };
}

export async function sentinelWorld(namespace: string): Promise<World> {
  sentinels ??= startSentinels();
  const servers = await sentinels;
  const nodes = async () => {
    const [asked = 0] = servers.sentinels;
    const words = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main'];
    const [, port] = (await servers.command(asked, ...words)) as string[];
    const master = Number(port);
    return { master, replica: servers.ports.find((one) => one !== master) as number };
  };
  const make = (): RedisClientLike => {
    const sentinelRootNodes = servers.sentinels.map((port) => ({ host: '127.0.0.1', port }));
    return createSentinel({ name: 'main', sentinelRootNodes });
  };
  const hash = `mcp-tls:${namespace}`;
  await servers.command((await nodes()).master, 'DEL', hash);
  const place = placeOf(make, hash);
  return {
    place,
    patienceMs: 5_000,
    acknowledged: () => place.open({ acknowledgedBy: 1, acknowledgedMs: 100 }),
    behind: await behind(servers, nodes),
    ...troubles(servers),
    async dieWith() {
      const { master } = await nodes();
      sentinels = undefined;
      await servers.kill(master);
    },
    async close() {
      await place.close();
      if (sentinels === undefined) await servers.stop();
    },
  };
}

/** Of all nodes at once. */
function troubles(servers: RedisServers): Pick<World, 'hung' | 'full'> {
  const limit = async (bytes: string): Promise<void> => {
    for (const port of servers.ports) {
      await servers.command(port, 'CONFIG', 'SET', 'maxmemory', bytes).catch(() => {});
    }
  };
  return {
    hung: { begin: async () => servers.hang(), end: async () => servers.goOn() },
    full: { begin: () => limit('1'), end: () => limit('0') },
  };
}

/** The replica goes on with what it has, and gets nothing more. */
async function behind(
  servers: RedisServers,
  nodes: () => Promise<{ master: number; replica: number }>,
): Promise<NonNullable<World['behind']>> {
  const linkIs = (replica: number, state: 'up' | 'down') =>
    eventually(async () => {
      const info = `${await servers.command(replica, 'INFO', 'replication')}`;
      if (!info.includes(`master_link_status:${state}`)) throw new Error(`not ${state} yet`);
    }, 20_000);
  return {
    async begin() {
      const { master, replica } = await nodes();
      await servers.command(master, 'ACL', 'SETUSER', 'default', '-psync', '-sync');
      await servers.command(master, 'CLIENT', 'KILL', 'TYPE', 'replica');
      await linkIs(replica, 'down');
    },
    async end() {
      const { master, replica } = await nodes();
      await servers.command(master, 'ACL', 'SETUSER', 'default', '+psync', '+sync');
      await linkIs(replica, 'up');
    },
  };
}

function placeOf(
  make: () => RedisClientLike,
  hash: string,
): Place & { open(options?: RedisStorageOptions): ReturnType<Place['options']> } {
  const clients: RedisClientLike[] = [];
  const client = (): RedisClientLike => {
    const made = make();
    made.on('error', () => {});
    clients.push(made);
    return made;
  };
  const open = (options: RedisStorageOptions = {}) => ({
    storage: redisStorage(client(), options),
  });
  return {
    open,
    options: () => open(),
    async rows(namespace) {
      const own = client() as RedisClientLike & {
        hDel(hash: string, key: string): Promise<unknown>;
      };
      const { backend } = partsOf(redisStorage(own, { watch: false })) as ReadParts;
      return rowsOf(backend(namespace), (key) => own.hDel(hash, key));
    },
    async close() {
      for (const one of clients) if (one.isOpen) one.destroy();
    },
  };
}
