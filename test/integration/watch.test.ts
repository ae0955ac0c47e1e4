import { randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type CertificateStore,
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
  type RegistryEvent,
  type RegistryWatch,
  type ServerRegistry,
  type WatchOptions,
} from '../../src/index.js';
import { recordKey } from '../../src/store/record-key.js';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../src/testing/index.js';

/**
 * `registry.watch()` over real servers. Several stores over one map stand for several processes; real
 * ones are in test/store/watch.test.ts.
 */

const key = { id: 'k1', key: randomBytes(32) };
const DAY = 86_400_000;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const endOf = ({ pem }: { pem: string }): Date => new Date(new X509Certificate(pem).validTo);
const inDays = (days: number): Date => new Date(Date.now() + days * DAY);

async function serve(certificate?: Awaited<ReturnType<typeof heldCertificate>>) {
  const held = certificate ?? (await heldCertificate({ notAfter: inDays(300) }));
  const server = await startMcpServer({ certificate: held });
  cleanups.push(() => server.close());
  return { server, held, approved: { expectFingerprint: held.fingerprint } };
}

function openStore(map = new Map<string, string>()): EncryptedCertificateStore {
  const store = createCertificateStore({
    keys: [key],
    storage: map,
    whenEmpty: 'create',
    cache: { ttlMs: 0 },
  });
  cleanups.push(() => store.close());
  return store;
}

function open(store: CertificateStore = openStore()): ServerRegistry {
  const registry = createServerRegistry({ store });
  cleanups.push(() => registry.close());
  return registry;
}

/** Collects what a watch tells. */
function listen(registry: ServerRegistry, options: WatchOptions = {}) {
  const watch = registry.watch({ intervalMs: 100, ...options });
  const events: RegistryEvent[] = [];
  const types = [
    'expiring',
    'expired',
    'changed',
    'renewed',
    'refused',
    'revoked',
    'failed',
  ] as const;
  for (const type of types) watch.on(type, (event) => events.push(event));
  return { watch, events, types: () => events.map(({ type }) => type) };
}

/** The first event of `type`, from a watch that has just begun. */
async function next<Type extends RegistryEvent['type']>(
  watch: RegistryWatch,
  type: Type,
): Promise<Extract<RegistryEvent, { type: Type }>> {
  for await (const event of watch) {
    if (event.type === type) return event as Extract<RegistryEvent, { type: Type }>;
  }
  throw new Error(`the watch ended without '${type}'`);
}

/** Until each server has been connected to `times` more often. */
async function scans(server: McpTestServer, times: number): Promise<void> {
  const { connections } = server.records;
  await expect
    .poll(() => server.records.connections, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(connections + times);
}

describe('watch tells of', () => {
  it('an end that comes near, once for each limit', async () => {
    const registry = open();
    const { server, held, approved } = await serve(
      await heldCertificate({ notAfter: inDays(20.5) }),
    );
    await registry.register('a', server.mcpUrl, approved);
    const { watch, events } = listen(registry, { expiringDays: [7, 30] });
    expect(await next(watch, 'expiring')).toEqual({
      type: 'expiring',
      id: 'a',
      at: expect.any(Date),
      first: true,
      what: 'certificate',
      daysLeft: 20,
      validUntil: endOf(held),
      fingerprint: held.fingerprint,
    });
    await scans(server, 3);
    expect(events).toHaveLength(1);
  });

  it('an end that has come, also where an expired certificate is allowed', async () => {
    const registry = open();
    const past = { notBefore: inDays(-9), notAfter: inDays(-1.5) };
    const { server, approved } = await serve(await heldCertificate(past));
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const event = await next(registry.watch(), 'expired');
    expect(event).toMatchObject({ id: 'a', daysLeft: -2, first: true });
  });

  it('the end of an approval', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const expiresAt = inDays(3);
    await registry.update('a', { expiresAt });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({ what: 'approval', daysLeft: 2, validUntil: expiresAt });
  });

  it('the end of a client certificate, which no server announces', async () => {
    const registry = open();
    const clientCa = await heldCertificate({ isCa: true });
    const ours = await heldCertificate({ signedBy: clientCa, notAfter: inDays(3.5) });
    const { server, approved } = await serve();
    server.requireClientCertificate(clientCa);
    await registry.register('a', server.mcpUrl, {
      ...approved,
      clientCertificate: { cert: ours.pem, key: ours.keyPem },
    });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({
      what: 'client certificate',
      daysLeft: 3,
      validUntil: endOf(ours),
      fingerprint: ours.fingerprint,
    });
  });

  it('a share of the lifetime that is left, of a client certificate of hours', async () => {
    const registry = open();
    const ours = await heldCertificate({ notBefore: inDays(-0.4), notAfter: inDays(0.1) });
    const { server, approved } = await serve();
    server.requireClientCertificate(ours);
    await registry.register('a', server.mcpUrl, {
      ...approved,
      clientCertificate: { cert: ours.pem, key: ours.keyPem },
    });
    const { watch, events } = listen(registry, { expiringDays: ['1/3', '1/10', 0.05] });
    expect(await next(watch, 'expiring')).toMatchObject({
      what: 'client certificate',
      daysLeft: 0,
      validUntil: endOf(ours),
    });
    await scans(server, 3);
    expect(events).toHaveLength(1);
  });

  it('the end of a leaf that an authority vouches for', async () => {
    const registry = open();
    const ca = await heldCertificate({ isCa: true, notAfter: inDays(900) });
    const leaf = await heldCertificate({ signedBy: ca, notAfter: inDays(5.5) });
    const { server } = await serve(leaf);
    await registry.register('a', server.mcpUrl, { trust: { ca: ca.pem } });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({ daysLeft: 5, fingerprint: ca.fingerprint });
  });

  it('another certificate, old and new side by side, until it is approved', async () => {
    const registry = open();
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch, events, types } = listen(registry);
    await scans(server, 1);
    const other = await heldCertificate({ notAfter: inDays(400) });
    server.rotate(other, { dropConnections: true });
    const event = await next(watch, 'changed');
    expect(event.current.fingerprint).toBe(held.fingerprint);
    expect(event.presented.fingerprint).toBe(other.fingerprint);
    expect(event.presented.notAfter).toEqual(endOf(other));
    expect(event.current.notAfter).toEqual(endOf(held));
    await expect.poll(types).toEqual(['changed', 'refused']);
    expect(events[1]).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', first: true });
    await scans(server, 4);
    expect(types()).toEqual(['changed', 'refused']);

    await registry.renew('a', { expectFingerprint: other.fingerprint });
    await expect.poll(types).toEqual(['changed', 'refused', 'renewed']);
    expect(events[2]).toMatchObject({
      fingerprint: other.fingerprint,
      previousFingerprint: held.fingerprint,
    });
  });

  it('a renewal that the trust covers, which it puts on record', async () => {
    const registry = open();
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const { watch, types } = listen(registry);
    await scans(server, 1);
    const renewed = await heldCertificate({ renewFrom: held, notAfter: inDays(300) });
    server.rotate(renewed, { dropConnections: true });
    expect(await next(watch, 'renewed')).toMatchObject({ fingerprint: renewed.fingerprint });
    const [listed] = await registry.list();
    expect(listed).toMatchObject({ fingerprint: renewed.fingerprint });
    await scans(server, 3);
    expect(types()).toEqual(['renewed']);
  });

  it('a revocation', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch } = listen(registry, { intervalMs: 3_600_000 });
    await scans(server, 1);
    const event = next(watch, 'revoked');
    await registry.revoke('a');
    expect(await event).toMatchObject({ type: 'revoked', id: 'a', first: true });
  });

  it('a request that was refused, at once, and what is presented instead', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch, types } = listen(registry, { intervalMs: 3_600_000 });
    await scans(server, 1);
    server.rotate(await heldCertificate(), { dropConnections: true });
    const client = (await registry.clientFactory('a'))();
    const changed = next(watch, 'changed');
    const failures = Array.from({ length: 30 }, () => client(server.mcpUrl));
    for (const { status } of await Promise.allSettled(failures)) expect(status).toBe('rejected');
    await changed;
    await expect.poll(types).toEqual(['refused', 'changed']);
  });

  it('a record that cannot be read', async () => {
    const map = new Map<string, string>();
    const registry = open(openStore(map));
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch } = listen(registry);
    await scans(server, 1);
    const event = next(watch, 'refused');
    const record = [...map.keys()].find((name) => name.endsWith(recordKey('a'))) as string;
    expect(record).toBeDefined();
    map.set(record, `${map.get(record)}A`);
    expect(await event).toMatchObject({ id: 'a', code: 'MCP_TLS_STORE_TAMPERED' });
  });

  it('a store that fails, and goes on when it is back', async () => {
    const store = openStore();
    let failing = false;
    const flaky: CertificateStore = {
      ...store,
      list: () => (failing ? Promise.reject(new Error('out of reach')) : store.list()),
    };
    const registry = open(flaky);
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const { watch } = listen(registry);
    await scans(server, 1);
    failing = true;
    const { error } = await next(watch, 'failed');
    expect(String(error)).toContain('out of reach');
    server.rotate(await heldCertificate({ renewFrom: held, notAfter: inDays(300) }), {
      dropConnections: true,
    });
    failing = false;
    await next(watch, 'renewed');
  });
});

describe('processes that share a store', () => {
  it('connect to a server once an interval together, and one of them is the first to know', async () => {
    const map = new Map<string, string>();
    const registries = Array.from({ length: 4 }, () => open(openStore(map)));
    const soon = await heldCertificate({ notAfter: inDays(2) });
    const { server, approved } = await serve(soon);
    await registries[0]?.register('a', server.mcpUrl, approved);
    await expect.poll(() => server.openConnections).toBe(0);
    server.clearRecords();
    const listeners = registries.map((registry) =>
      listen(registry, { intervalMs: 3_600_000, pollMs: 100 }),
    );
    for (const { types } of listeners) await expect.poll(types).toEqual(['expiring']);
    const firsts = listeners
      .flatMap(({ events }) => events)
      .map((event) => 'first' in event && event.first);
    expect(firsts.sort()).toEqual([false, false, false, true]);
    expect(server.records.connections).toBe(1);

    await registries[3]?.revoke('a');
    for (const { types } of listeners) {
      await expect.poll(types, { timeout: 5_000 }).toEqual(['expiring', 'revoked']);
    }
    const revoked = listeners.map(({ events }) => events[1]);
    expect(revoked.filter((event) => event && 'first' in event && event.first)).toHaveLength(1);
  });

  it('take over from one that died, when its claim is over', async () => {
    const store = openStore();
    const registry = open(store);
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    server.clearRecords();
    const until = Date.now() + 600;
    for (let shard = 0; shard < 64; shard++) {
      const claim = { by: 'another', id: `of ${shard}`, ms: 600 };
      const note = { v: 2, at: 0, claim, servers: [] };
      await store.notes.update(`watch-${shard}`, () => note);
    }
    registry.watch({ intervalMs: 100 });
    await scans(server, 1);
    expect(Date.now()).toBeGreaterThanOrEqual(until);
  });

  it('are held up by no clock: not by one that is ten minutes ahead, nor for longer than a claim', async () => {
    const store = openStore();
    const registry = open(store);
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    server.clearRecords();
    const ahead = Date.now() + 600_000;
    for (let shard = 0; shard < 64; shard++) {
      const claim = { by: 'another', id: `of ${shard}`, ms: 300 };
      await store.notes.update(`watch-${shard}`, () => ({ v: 2, at: ahead, claim, servers: [] }));
    }
    registry.watch({ intervalMs: 100 });
    // By that clock, in ten minutes.
    await scans(server, 1);
  });

  it('need no notes: then each looks for itself', async () => {
    const { get, read, set, delete: remove, list, close } = openStore();
    const registry = open({ get, read, set, delete: remove, list, close });
    const { server, held, approved } = await serve();
    await registry.register('__proto__', server.mcpUrl, { ...approved, pin: 'key' });
    const { watch } = listen(registry);
    await scans(server, 1);
    server.rotate(await heldCertificate({ renewFrom: held, notAfter: inDays(300) }), {
      dropConnections: true,
    });
    expect(await next(watch, 'renewed')).toMatchObject({ id: '__proto__', first: true });
    const revoked = next(watch, 'revoked');
    await registry.revoke('__proto__');
    await revoked;
  });
});

describe('a watch', () => {
  it('that begins later is told of what is the case', async () => {
    const registry = open();
    const { server, approved } = await serve(await heldCertificate({ notAfter: inDays(2) }));
    await registry.register('a', server.mcpUrl, approved);
    await next(registry.watch(), 'expiring');
    const { types, events } = listen(registry);
    await expect.poll(types).toEqual(['expiring']);
    expect(events[0]).toMatchObject({ first: false });
  });

  it('leaves no timer behind, and ends its iterations', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    const before = timers().length;
    const stop = new AbortController();
    const watches = [registry.watch({ intervalMs: 100 }), registry.watch({ signal: stop.signal })];
    const iterations = watches.map(async (watch) => {
      for await (const { type } of watch) throw new Error(`unexpected ${type}`);
    });
    await scans(server, 1);
    stop.abort();
    await watches[0]?.close();
    await Promise.all(iterations);
    expect(timers().length).toBeLessThanOrEqual(before);
    const { connections } = server.records;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.records.connections).toBe(connections);
    expect(await watches[0]?.[Symbol.asyncIterator]().next()).toEqual({ done: true });
  });

  it('breaks off what it is doing when it is closed', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    server.stall('handshake');
    const watch = registry.watch();
    await scans(server, 1);
    await watch.close();
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('calls a listener until it is disposed of, and each of several on its own', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch, types } = listen(registry);
    const calls: string[] = [];
    const listener = ({ id }: { id: string }) => void calls.push(id);
    const [first, second] = [watch.on('revoked', listener), watch.on('revoked', listener)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await scans(server, 1);
    await registry.revoke('a');
    await expect.poll(types).toEqual(['revoked']);
    expect(calls).toEqual(['a']);
    second[Symbol.dispose]();
    await registry.register('b', server.mcpUrl, approved);
    await scans(server, 1);
    await registry.revoke('b');
    await expect.poll(types).toEqual(['revoked', 'revoked']);
    expect(calls).toEqual(['a']);
    await watch.close();
    expect(() => watch.on('revoked', listener)[Symbol.dispose]()).not.toThrow();
  });

  it('reports what a listener throws, or rejects with, and goes on with the others', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const watch = registry.watch({ intervalMs: 100 });
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
    watch.on('revoked', () => {
      throw thrown;
    });
    watch.on('revoked', async () => {
      throw rejected;
    });
    const { events, types } = listen(registry);
    const heard: unknown[] = [];
    watch.on('revoked', ({ id }) => heard.push(id));
    watch.on('failed', ({ error, first }) => heard.push(error, first));
    await scans(server, 1);
    await registry.revoke('a');
    await expect.poll(() => heard).toHaveLength(5);
    expect(heard).toEqual([thrown, true, 'a', rejected, true]);
    // Another watch has nothing to do with it.
    expect(types()).toEqual(['revoked']);
    expect(events).toHaveLength(1);
    await registry.register('b', server.mcpUrl, approved);
    await scans(server, 1);
    await registry.revoke('b');
    await expect.poll(() => heard).toHaveLength(10);
  });

  it('warns of what a listener throws where nobody takes its report, and ends nothing', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    await registry.register('b', server.mcpUrl, approved);
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    cleanups.push(async () => warned.mockRestore());
    const watch = registry.watch({ intervalMs: 100 });
    watch.on('revoked', () => {
      throw Object.create(null);
    });
    await scans(server, 2);
    await registry.revoke('a');
    await expect.poll(() => warned.mock.calls).toHaveLength(1);
    expect(warned.mock.calls[0]).toEqual([
      expect.stringContaining("a listener of 'revoked'"),
      expect.objectContaining({ code: 'MCP_TLS_LISTENER' }),
    ]);
    watch.on('failed', () => {
      throw new Error('of failed itself');
    });
    await registry.revoke('b');
    await expect.poll(() => warned.mock.calls).toHaveLength(2);
    expect(warned.mock.calls[1]?.[0]).toContain("a listener of 'failed'");
    expect(warned.mock.calls[1]?.[0]).toContain('of failed itself');
  });

  it.each([
    ['expirng', () => {}],
    [undefined, () => {}],
    ['expiring', undefined],
    ['expiring', { handleEvent() {} }],
  ])('refuses to listen for %o with %o', (type, listener) => {
    const watch = open().watch();
    expect(() => watch.on(type as 'expiring', listener as () => void)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });

  it.each<[WatchOptions]>([
    [{ intervalMs: 0 }],
    [{ intervalMs: 1.5 }],
    [{ intervalMs: 200, pollMs: 300 }],
    [{ expiringDays: [0] }],
    [{ expiringDays: ['1/0'] }],
    [{ expiringDays: ['3/3'] }],
    [{ expiringDays: ['30' as unknown as number] }],
    [{ expiringDays: 7 as unknown as number[] }],
    [{ often: true } as WatchOptions],
  ])('is refused with %j', (options) => {
    expect(() => open().watch(options)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });
});
