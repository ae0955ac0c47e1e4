import { createCluster, createSentinel } from '@keyv/redis';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore, type EncryptedCertificateStore } from '../../src/index.js';
import { type RedisStorageOptions, redisStorage } from '../../src/redis/index.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { startCluster, startSentinels } from './support/start-cluster.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** Writes that replicas have to acknowledge, over a real primary and its replica. */

const keys = [aKey()];
let primary: RedisServer;
let replica: RedisServer;

beforeAll(async () => {
  primary = await startRedis(['--repl-diskless-sync-delay', '0']);
  replica = await startRedis(['--replicaof', '127.0.0.1', new URL(primary.url).port]);
}, 60_000);
beforeEach(() => following(1));
afterAll(async () => {
  await replica?.stop();
  await primary?.stop();
});

const following = (replicas: number): Promise<void> =>
  eventually(async () => {
    const info = `${await primary.command('INFO', 'replication')}`;
    expect(info).toContain(`connected_slaves:${replicas}`);
    if (replicas > 0) expect(info).toContain('state=online');
  }, 20_000);

async function open(
  namespace: string,
  options: RedisStorageOptions,
): Promise<EncryptedCertificateStore> {
  const storage = redisStorage(primary.url, options);
  const store = createCertificateStore({ keys, namespace, storage, cache: { ttlMs: 0 } });
  onTestFinished(() => store.close());
  await store.initialize();
  return store;
}

it('a write that a replica has to acknowledge is there when it resolves', async () => {
  const store = await open('there', { acknowledgedBy: 1 });
  for (let i = 0; i < 20; i++) {
    await store.set(`s${i}`, aRecord());
    expect(await replica.command('HLEN', 'mcp-tls:there')).toBeGreaterThanOrEqual(i + 2);
  }
  expect(await store.delete('s0')).toBe(true);
});

it('without its replica a write has an unknown outcome, and reads and later writes go on', async () => {
  const store = await open('alone', { acknowledgedBy: 1, acknowledgedMs: 200 });
  const plain = await open('alone', {});
  await store.set('x', aRecord());
  replica.hang();
  try {
    // More often than the breaker takes: the backend has answered each time.
    for (let i = 0; i < 6; i++) {
      const error = await store.delete('x').catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'MCP_TLS_STORE_OUTCOME_UNKNOWN' });
      expect((error as Error).message).toMatch(/0 of 1 replicas acknowledged it within 200 ms/);
    }
    expect(await store.get('x')).toBeUndefined();
    expect(await plain.delete('x')).toBe(false);
  } finally {
    replica.goOn();
  }
  await following(1);
  await eventually(async () => expect(await store.delete('x')).toBe(false), 10_000);
});

it('an acknowledged withdrawal survives a failover, and one that is not says so', async () => {
  const store = await open('failover', { acknowledgedBy: 1, acknowledgedMs: 300 });
  for (const id of ['revoked', 'unsure', 'kept']) await store.set(id, aRecord());
  await store.delete('revoked');
  replica.hang();
  expect(await codeOf(store.delete('unsure'))).toBe('MCP_TLS_STORE_OUTCOME_UNKNOWN');
  await primary.kill();
  replica.goOn();
  await replica.command('REPLICAOF', 'NO', 'ONE');
  const storage = redisStorage(replica.url);
  const after = createCertificateStore({ keys, namespace: 'failover', storage });
  onTestFinished(() => after.close());
  expect(await after.get('revoked')).toBeUndefined();
  expect(await after.get('kept')).toBeDefined();
  await primary.start();
  await replica.command('REPLICAOF', '127.0.0.1', new URL(primary.url).port);
});

it('a Redis without WAITAOF says so, and not that nothing was written', async () => {
  const store = await open('disk', { acknowledgedBy: 1 });
  await store.set('x', aRecord());
  const version = `${await primary.command('INFO', 'server')}`;
  const [, major, minor] = /redis_version:(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) * 100 + Number(minor) >= 702) return;
  const storage = redisStorage(primary.url, { acknowledgedBy: 1, acknowledgedOnDisk: true });
  const onDisk = createCertificateStore({ keys, namespace: 'disk', storage });
  onTestFinished(() => onDisk.close());
  const error = await onDisk.delete('x').catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'MCP_TLS_STORE_OUTCOME_UNKNOWN' });
  expect((error as Error).message).toMatch(/unknown command 'WAITAOF'/);
  expect(await store.get('x')).toBeUndefined();
});

it('over sentinels a write waits on the connection that wrote', async () => {
  const servers = await startSentinels();
  onTestFinished(() => servers.stop());
  const client = createSentinel({
    name: 'main',
    sentinelRootNodes: servers.sentinels.map((port) => ({ host: '127.0.0.1', port })),
  });
  client.on('error', () => {});
  const storage = redisStorage(client, { acknowledgedBy: 1, acknowledgedMs: 3_000 });
  const store = createCertificateStore({ keys, storage });
  onTestFinished(async () => {
    await store.close();
    client.destroy();
  });
  await eventually(async () => {
    const info = `${await servers.command(servers.ports[0] as number, 'INFO', 'replication')}`;
    expect(info).toContain('state=online');
  }, 20_000);
  await store.initialize();
  await store.set('x', aRecord());
  await servers.kill(servers.ports[1] as number);
  expect(await codeOf(store.delete('x'))).toBe('MCP_TLS_STORE_OUTCOME_UNKNOWN');
}, 60_000);

it('over a cluster a write waits at the node that has it', async () => {
  const servers = await startCluster();
  onTestFinished(() => servers.stop());
  const rootNodes = servers.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
  const client = createCluster({ rootNodes });
  client.on('error', () => {});
  const storage = redisStorage(client, { acknowledgedBy: 1, acknowledgedMs: 3_000 });
  const store = createCertificateStore({ keys, storage });
  onTestFinished(async () => {
    await store.close();
    client.destroy();
  });
  await store.initialize();
  await store.set('x', aRecord());
  for (const port of servers.ports.slice(3)) await servers.kill(port);
  expect(await codeOf(store.delete('x'))).toBe('MCP_TLS_STORE_OUTCOME_UNKNOWN');
}, 90_000);

it.each<RedisStorageOptions>([
  { acknowledgedBy: -1 },
  { acknowledgedBy: 1.5 },
  { acknowledgedMs: 100 },
  { acknowledgedOnDisk: true },
])('%j is a mistake', async (options) => {
  expect(await codeOf(() => redisStorage('redis://localhost', options))).toBe(
    'MCP_TLS_INVALID_ARGUMENT',
  );
});
