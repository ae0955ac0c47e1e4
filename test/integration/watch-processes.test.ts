import { describe, expect, it, vi } from 'vitest';
import type { WatchOptions } from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import { cleanups, inDays, listen, next, open, openStore, scans, serve } from './watch-setup.js';

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
    // What the record alone says is reported before anybody has connected.
    await expect.poll(() => server.records.connections).toBe(1);

    await registries[3]?.revoke('a');
    for (const { types } of listeners) {
      await expect.poll(types, { timeout: 5_000 }).toEqual(['expiring', 'revoked']);
    }
    const revoked = listeners.map(({ events }) => events[1]);
    expect(revoked.filter((event) => event && 'first' in event && event.first)).toHaveLength(1);
    expect(server.records.connections).toBe(1);
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
  it('that begins later receives the present state', async () => {
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
