import { createCluster, createSentinel } from '@keyv/redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore, type EncryptedCertificateStore } from '../../src/index.js';
import { type RedisClientLike, redisStorage } from '../../src/redis/index.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord } from '../unit/store/support.js';
import { type RedisServers, startCluster, startSentinels } from './support/start-cluster.js';

/** Stores over a real Redis Cluster and real sentinels, by clients of the host application. */

const keys = [aKey()];
const cache = { ttlMs: 600_000, negativeTtlMs: 600_000 };

function open(client: RedisClientLike, more = {}): EncryptedCertificateStore {
  client.on('error', () => {});
  const store = createCertificateStore({ keys, cache, storage: redisStorage(client), ...more });
  onTestFinished(async () => {
    await store.close();
    if (client.isOpen) client.destroy();
  });
  return store;
}

const hears = (store: EncryptedCertificateStore, listening: boolean, ms = 15_000) =>
  eventually(() => expect(store.stats().listening).toBe(listening), ms);

/** Many at once, of a client that nobody has connected. */
const coldReads = (store: EncryptedCertificateStore) =>
  Promise.all(Array.from({ length: 20 }, (_, i) => store.get(`cold-${i}`)));

describe('over a cluster', () => {
  let servers: RedisServers;
  beforeAll(async () => {
    servers = await startCluster();
    const store = createCertificateStore({ keys, storage: redisStorage(client()) });
    await store.initialize();
    await store.close();
  }, 90_000);
  afterAll(() => servers?.stop());

  const client = (options = {}) => {
    const rootNodes = servers.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
    const made = createCluster({ rootNodes, ...options });
    made.on('error', () => {});
    return made;
  };

  it('a cold client takes many calls at once', async () => {
    expect(await coldReads(open(client()))).toEqual(Array(20).fill(undefined));
  });

  it('a client that the application is just connecting takes many calls at once', async () => {
    const connecting = client();
    const connected = connecting.connect();
    expect(await coldReads(open(connecting))).toEqual(Array(20).fill(undefined));
    await connected;
  });

  /** The master of the store, and its replica. */
  async function placesOf(): Promise<{ master: number; replica: number }> {
    for (const replica of servers.ports.slice(3)) {
      const info = `${await servers.command(replica, 'INFO', 'replication')}`;
      const master = Number(/master_port:(\d+)/.exec(info)?.[1]);
      const held = await servers.command(master, 'EXISTS', 'mcp-tls:certificates').catch(() => 0);
      if (held === 1) return { master, replica };
    }
    throw new Error('no node has the store');
  }

  const linkIs = (replica: number, state: 'up' | 'down') =>
    eventually(async () => {
      const info = `${await servers.command(replica, 'INFO', 'replication')}`;
      expect(info).toContain(`master_link_status:${state}`);
    }, 15_000);

  it('a replica that is behind is not asked', async () => {
    const [writer, reading] = [open(client()), client({ useReplicas: true })];
    await writer.set('old', aRecord());
    const { master, replica } = await placesOf();
    // A replica is named to clients once it has something.
    for (const port of servers.ports) {
      await eventually(async () => {
        const slots = (await servers.command(port, 'CLUSTER', 'SLOTS')) as unknown[][];
        expect(slots.map((slot) => slot.length)).toEqual([4, 4, 4]);
      }, 20_000);
    }
    const reader = open(reading, { cache: { ttlMs: 0 } });
    await eventually(() => reader.get('old'));
    // The replica goes on answering with what it has, and gets nothing more.
    await servers.command(master, 'ACL', 'SETUSER', 'default', '-psync', '-sync');
    await servers.command(master, 'CLIENT', 'KILL', 'TYPE', 'replica');
    onTestFinished(async () => {
      await servers.command(master, 'ACL', 'SETUSER', 'default', '+psync', '+sync');
      await linkIs(replica, 'up');
    });
    await linkIs(replica, 'down');
    await writer.set('new', aRecord());
    await writer.delete('old');
    expect(reading.replicas).toHaveLength(3);
    for (let i = 0; i < 20; i++) {
      const fresh = createCertificateStore({
        keys,
        cache: { ttlMs: 0 },
        storage: redisStorage(reading, { watch: false }),
      });
      expect(await fresh.get('new')).toBeDefined();
      expect(await fresh.get('old')).toBeUndefined();
      expect((await fresh.list()).map(({ id }) => id)).toContain('new');
      await fresh.close();
    }
  }, 60_000);

  /** A store that listens by another node than the one that has the records, and that node. */
  async function openReader(): Promise<{ reader: EncryptedCertificateStore; port: number }> {
    const { master } = await placesOf();
    for (let i = 0; i < 10; i++) {
      const name = `reader-${i}`;
      const reader = open(client({ defaults: { name } }));
      await hears(reader, true);
      for (const port of servers.ports) {
        const list = `${await servers.command(port, 'CLIENT', 'LIST', 'TYPE', 'pubsub')}`;
        if (port !== master && list.includes(`name=${name}`)) return { reader, port };
      }
      await reader.close();
    }
    throw new Error('each listened by the node of the store');
  }

  it('changes are announced, also after the node of the subscription has died', async () => {
    const writer = open(client());
    await writer.set('x', aRecord());
    const { reader, port } = await openReader();
    expect(await reader.get('x')).toBeDefined();
    await writer.set('x', aRecord({ approvedBy: '2' }));
    await eventually(async () => expect((await reader.get('x'))?.approvedBy).toBe('2'), 2_000);

    await servers.kill(port);
    await writer.delete('x');
    await eventually(async () => expect(await reader.get('x')).toBeUndefined(), 10_000);
    await hears(reader, true, 20_000);
    await writer.set('x', aRecord());
    await eventually(async () => expect(await reader.get('x')).toBeDefined(), 5_000);
  }, 90_000);
});

describe('over sentinels', () => {
  let servers: Awaited<ReturnType<typeof startSentinels>>;
  beforeAll(async () => {
    servers = await startSentinels();
    const made = client();
    const store = createCertificateStore({ keys, storage: redisStorage(made) });
    await store.initialize();
    await store.close();
    made.destroy();
  }, 90_000);
  afterAll(() => servers?.stop());

  const client = (options = {}) => {
    const sentinelRootNodes = servers.sentinels.map((port) => ({ host: '127.0.0.1', port }));
    const made = createSentinel({ name: 'main', sentinelRootNodes, ...options });
    made.on('error', () => {});
    return made;
  };

  it('a cold client takes many calls at once', async () => {
    expect(await coldReads(open(client()))).toEqual(Array(20).fill(undefined));
  });

  it('changes are announced', async () => {
    const [writer, reader] = [open(client()), open(client())];
    await writer.set('x', aRecord());
    await hears(reader, true);
    expect(await reader.get('x')).toBeDefined();
    await writer.delete('x');
    await eventually(async () => expect(await reader.get('x')).toBeUndefined(), 2_000);
  }, 60_000);
});
