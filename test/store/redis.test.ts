import { setTimeout as sleep } from 'node:timers/promises';
import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis, { createClient, createCluster, createSentinel } from '@keyv/redis';
import { Keyv } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { type RedisClientLike, redisStorage } from '../../src/redis/index.js';
import { createStorage, type KeyvLike } from '../../src/store/index.js';
import { partsOf, type ReadParts } from '../../src/store/storage.js';
import { eventually } from '../support/waiting.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** What only Redis has: invalidation, eviction, clients of the host application. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
}, 60_000);
afterAll(() => redis.stop());

const keys = [aKey()];
const worker = (namespace: string, more = {}) =>
  createCertificateStore({ keys, namespace, storage: redisStorage(redis.url), ...more });

describe('invalidation', () => {
  it('has a change seen by others at once, and works again after a broken connection', async () => {
    const [a, b] = [worker('seen'), worker('seen')];
    const changes: (string | undefined)[] = [];
    b.onChange((id) => changes.push(id));
    await a.initialize();
    await a.set('x', aRecord({ approvedBy: '1' }));
    await eventually(() => expect(b.stats().listening).toBe(true));
    expect((await b.get('x'))?.approvedBy).toBe('1');
    changes.length = 0;
    await a.set('x', aRecord({ approvedBy: '2' }));
    await eventually(async () => expect((await b.get('x'))?.approvedBy).toBe('2'), 1_000);
    expect(changes).toEqual(['x']);
    await a.delete('x');
    await eventually(async () => expect(await b.get('x')).toBeUndefined(), 1_000);

    await a.set('y', aRecord({ approvedBy: '1' }));
    await eventually(async () => expect((await b.get('y'))?.approvedBy).toBe('1'));
    const before = b.stats().invalidations;
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(b.stats().invalidations).toBeGreaterThan(before));
    // Cleared, and asked anew.
    const { loads } = b.stats();
    expect((await b.get('y'))?.approvedBy).toBe('1');
    expect(b.stats().loads).toBe(loads + 1);
    await a.delete('y');
    await eventually(async () => expect(await b.get('y')).toBeUndefined(), 1_000);
    await Promise.all([a.close(), b.close()]);
  });

  it('is not needed: without it a change is seen after the time to live', async () => {
    const more = { storage: redisStorage(redis.url, { watch: false }), cache: { ttlMs: 200 } };
    const open = () => createCertificateStore({ keys, namespace: 'slow', ...more });
    const [a, b] = [open(), open()];
    await a.initialize();
    await a.set('x', aRecord());
    expect(await b.get('x')).toBeDefined();
    await a.delete('x');
    expect(await b.get('x')).toBeDefined();
    await sleep(220);
    expect(await b.get('x')).toBeUndefined();
    await Promise.all([a.close(), b.close()]);
  });

  it('cannot be used to plant anything', async () => {
    const [a, b] = [worker('plant'), worker('plant')];
    await a.initialize();
    await a.set('x', aRecord());
    await eventually(() => expect(b.stats().listening).toBe(true));
    expect(await b.get('x')).toBeDefined();
    for (const message of ['', 'x', 'x y z', `x ${'a'.repeat(10_000)}`, '{"id":"x"}', 'x pa']) {
      await redis.command('PUBLISH', 'mcp-tls:plant:changed', message);
    }
    expect(await b.get('x')).toEqual(await a.get('x'));
    await Promise.all([a.close(), b.close()]);
  });

  it('that fails does not make a write look failed', async () => {
    const { backend, invalidation } = partsOf(redisStorage(redis.url)) as Required<ReadParts>;
    const publish = () => Promise.reject(new Error('no permission for PUBLISH'));
    const store = worker('mute', {
      storage: createStorage({ backend, invalidation: { ...invalidation, publish } }),
    });
    await store.initialize();
    await store.set('x', aRecord());
    expect(await store.get('x')).toBeDefined();
    expect(store.stats().invalidationFailures).toBe(1);
    await store.close();
  });
});

describe('a client of the host application', () => {
  it('has a type that is taken', () => {
    // Never called: that it compiles is the test.
    const accepted: readonly ((url: string) => RedisClientLike | KeyvLike)[] = [
      (url): RedisClientLike => createClient({ url }),
      (url): RedisClientLike => createCluster({ rootNodes: [{ url }] }),
      (): RedisClientLike => createSentinel({ name: 'main', sentinelRootNodes: [] }),
      (url): KeyvLike => new KeyvRedis(url),
      (url): KeyvLike => new KeyvPostgres(url),
      (): KeyvLike => new Keyv(),
      (): KeyvLike => new Keyv6(),
      (): KeyvLike => new Map<string, string>(),
    ];
    expect(accepted).toHaveLength(8);
  });

  it('is used as it is, and stays open', async () => {
    const client = createClient({ url: redis.url });
    client.on('error', () => {});
    const store = createCertificateStore({
      keys,
      namespace: 'given',
      storage: redisStorage(client),
    });
    await store.initialize();
    await store.set('x', aRecord());
    expect(await store.get('x')).toBeDefined();
    await store.close();
    expect(await client.ping()).toBe('PONG');
    client.destroy();
  });

  it.each<[string, unknown]>([
    ['no URL', 'localhost:6379'],
    ['an http URL', 'http://localhost'],
    ['nothing', undefined],
    ['a client of another kind', { get() {}, set() {} }],
  ])('is not %s', async (_, connect) => {
    const code = await codeOf(() => redisStorage(connect as string));
    expect(code).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

describe('a Redis that evicts', () => {
  it('is refused under Keyv, where single records would go', async () => {
    const evicting = await startRedis(['--maxmemory', '10mb', '--maxmemory-policy', 'allkeys-lru']);
    const adapter = new KeyvRedis<string>(evicting.url);
    const store = createCertificateStore({ keys, storage: new Keyv(adapter) });
    expect(await codeOf(store.initialize())).toBe('MCP_TLS_STORE_EVICTING');
    expect(await codeOf(store.get('x'))).toBe('MCP_TLS_STORE_EVICTING');
    await evicting.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await store.initialize();
    expect(await store.get('x')).toBeUndefined();
    // Set so again while we run: an absence is worth nothing from now on.
    await evicting.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await codeOf(store.get('y'))).toBe('MCP_TLS_STORE_EVICTING');
    await store.close();
    await adapter.disconnect(true);
    await evicting.stop();
  });
});

describe('eviction', () => {
  const settings = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'];

  it('is noticed by mcp-tls/redis, whose stores would go whole, before it happens', async () => {
    const evicting = await startRedis(settings);
    onTestFinished(() => evicting.stop());
    const store = createCertificateStore({ keys, storage: redisStorage(evicting.url) });
    expect(await codeOf(store.initialize())).toBe('MCP_TLS_STORE_EVICTING');
    expect(await codeOf(store.get('x'))).toBe('MCP_TLS_STORE_EVICTING');
    await evicting.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    await store.initialize();
    expect(await store.get('x')).toBeUndefined();
    await store.close();
  });

  it('is not asked for where INFO is forbidden over mcp-tls/redis, whose marker shows it', async () => {
    const mute = await startRedis();
    onTestFinished(() => mute.stop());
    await mute.command('ACL', 'SETUSER', 'gateway', 'on', '>secret', '+@all', '-info', '~*', '&*');
    const url = mute.url.replace('//', '//gateway:secret@');
    const store = createCertificateStore({ keys, storage: redisStorage(url) });
    await store.initialize();
    expect(await store.get('x')).toBeUndefined();
    await store.close();
  });

  it('is ruled out by the operator over a Keyv where INFO is forbidden, or nothing is answered', async () => {
    const mute = await startRedis();
    onTestFinished(() => mute.stop());
    await mute.command('ACL', 'SETUSER', 'gateway', 'on', '>secret', '+@all', '-info', '~*', '&*');
    const adapter = new KeyvRedis<string>(mute.url.replace('//', '//gateway:secret@'));
    adapter.on('error', () => {});
    const open = (more = {}) => createCertificateStore({ keys, storage: adapter, ...more });
    const [asking, assuming] = [open(), open({ eviction: 'assume-none' })];
    expect(await codeOf(asking.initialize())).toBe('MCP_TLS_STORE_UNAVAILABLE');
    await assuming.initialize();
    expect(await assuming.get('x')).toBeUndefined();
    expect(await codeOf(() => open({ eviction: true }))).toBe('MCP_TLS_INVALID_ARGUMENT');
    await Promise.all([asking.close(), assuming.close()]);
    await adapter.disconnect(true);
  });
});

describe('an adapter that others use too', () => {
  it('reports its errors, though it hides those of others', async () => {
    const refusing = await startRedis();
    const adapter = new KeyvRedis<string>(refusing.url);
    adapter.on('error', () => {});
    const store = createCertificateStore({ keys, storage: new Keyv(adapter), cache: { ttlMs: 0 } });
    await store.initialize();
    await store.set('x', aRecord());
    await refusing.command('ACL', 'SETUSER', 'default', '-mget', '-get', '-eval');
    expect(await adapter.get('x')).toBeUndefined();
    expect(await codeOf(store.get('x'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
    await refusing.command('ACL', 'SETUSER', 'default', '+mget');
    expect(await codeOf(store.set('x', aRecord()))).toBe('MCP_TLS_STORE_REFUSED');
    expect(await store.get('x')).toBeDefined();
    await store.close();
    await adapter.disconnect(true);
    await refusing.stop();
  });

  it('keeps its settings, and its records where they were', async () => {
    const adapter = new KeyvRedis<string>(redis.url);
    adapter.on('error', () => {});
    const first = new Keyv(adapter, { namespace: 'first', useKeyPrefix: false });
    const store = createCertificateStore({ keys, storage: first });
    await store.initialize();
    await store.set('x', aRecord());
    // From now on the adapter writes and reads under another name.
    const second = new Keyv(adapter, { namespace: 'second', useKeyPrefix: false });
    await second.set('x', 'theirs');
    const again = createCertificateStore({ keys, storage: adapter, cache: { ttlMs: 0 } });
    expect(await codeOf(again.get('x'))).toBe('MCP_TLS_STORE_EMPTIED');
    await store.set('y', aRecord());
    expect((await store.list()).map(({ id }) => id).sort()).toEqual(['x', 'y']);
    expect(adapter.throwOnErrors).toBe(false);
    expect(adapter.namespace).toBe('second');
    await Promise.all([store.close(), again.close()]);
    await adapter.disconnect(true);
  });
});
