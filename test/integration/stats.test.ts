import { describe, expect, it } from 'vitest';
import { makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, startMcpServer, startTlsServer } from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

/** What `stats()` counts, against what the servers see. */

const NOTHING = { pools: 0, connections: 0, idle: 0, requests: 0, waiting: 0 };

describe('stats of a factory', () => {
  it('count connections, those that are idle, requests under way and those that wait', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using factory = makeCustomClientFactory(certificate.pem, {
      maxConnections: 2,
    });
    expect(factory.stats()).toEqual(NOTHING);
    const client = factory({ url: server.url });
    await (await client(server.url)).text();
    expect(factory.stats()).toEqual({ ...NOTHING, pools: 1, connections: 1, idle: 1 });
    server.stall('headers');
    const abort = new AbortController();
    const { signal } = abort;
    const calls = Array.from({ length: 3 }, () => client(server.url, { signal }).catch(() => {}));
    await expect.poll(() => server.openConnections).toBe(2);
    expect(factory.stats()).toEqual({
      ...{ pools: 1, connections: 2, idle: 0, requests: 3, waiting: 1 },
    });
    abort.abort();
    await Promise.all(calls);
    // An origin without a connection is forgotten.
    expect(factory.stats()).toEqual(NOTHING);
    await factory.close();
    expect(factory.stats()).toEqual(NOTHING);
    expect(Object.isFrozen(factory.stats())).toBe(true);
  });

  it('count a standing event stream as a connection in use, and not as a request', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({
      certificate,
      onRequest: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      },
    });
    await using factory = makeCustomClientFactory(certificate.pem);
    const client = factory({ url: server.url });
    const stream = await client(server.url, { headers: { accept: 'text/event-stream' } });
    expect(factory.stats()).toEqual({ ...NOTHING, pools: 1, connections: 1 });
    await stream.body?.cancel();
    await expect.poll(() => factory.stats().connections).toBe(0);
  });
});

describe('stats of a registry', () => {
  const { memoryStore, open, cleanups } = registryParts();

  it('count over all servers, and fall to nothing as they are revoked and closed', async () => {
    const certificate = await heldCertificate();
    const server = await startMcpServer({ certificate });
    cleanups.push(() => server.close());
    const registry = open({ store: memoryStore() });
    const nothing = { ...NOTHING, servers: 0, watches: 0 };
    expect(registry.stats()).toEqual(nothing);
    for (const id of ['a', 'b', 'c']) {
      await registry.register(id, server.mcpUrl, { expectFingerprint: certificate.fingerprint });
    }
    // Registering and being registered open nothing that stays.
    expect(registry.stats()).toEqual(nothing);
    const ask = async (id: string) =>
      (await (await registry.clientFactory(id))()(server.mcpUrl, { method: 'PUT' })).text();
    await Promise.all([ask('a'), ask('b')]);
    const watch = registry.watch({ intervalMs: 3_600_000 });
    expect(registry.stats()).toEqual({
      ...{ servers: 2, pools: 2, connections: 2, idle: 2, requests: 0, waiting: 0, watches: 1 },
    });
    server.stall('headers');
    const pending = ask('a').catch(() => {});
    await expect.poll(() => registry.stats()).toMatchObject({ requests: 1, idle: 1, servers: 2 });
    await registry.revoke('a');
    await pending;
    expect(registry.stats()).toMatchObject({ servers: 1, connections: 1, idle: 1, requests: 0 });
    await watch.close();
    expect(registry.stats().watches).toBe(0);
    await registry.close();
    expect(registry.stats()).toEqual(nothing);
  });
});
