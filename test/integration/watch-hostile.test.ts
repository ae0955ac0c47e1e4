import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  type RegistryEvent,
  type ServerRegistryOptions,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';

/** What a hostile server does to whoever watches many. */

const DAY = 86_400_000;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const inDays = (days: number): Date => new Date(Date.now() + days * DAY);

function openRegistry(options: Omit<ServerRegistryOptions, 'store'> = {}) {
  const store = createCertificateStore({
    keys: [{ id: 'k1', key: randomBytes(32) }],
    storage: 'memory',
    whenEmpty: 'create',
  });
  const registry = createServerRegistry({ store, ...options });
  cleanups.push(
    () => store.close(),
    () => registry.close(),
  );
  return registry;
}

async function serve() {
  const certificate = await heldCertificate({ notAfter: inDays(300) });
  const server = await startTlsServer({ certificate });
  cleanups.push(() => server.close());
  return { server, certificate };
}

it('a server that presents another certificate each time makes one event of each kind', async () => {
  const registry = openRegistry();
  const { server, certificate } = await serve();
  await registry.register('flapping', server.url, {
    expectFingerprint: certificate.fingerprint,
  });
  const shown = [
    await heldCertificate({ notAfter: inDays(300) }),
    await heldCertificate({ renewFrom: certificate, notBefore: inDays(-2), notAfter: inDays(-1) }),
    await heldCertificate({ renewFrom: certificate, notBefore: inDays(1), notAfter: inDays(9) }),
    certificate,
  ];
  const events: RegistryEvent[] = [];
  const watch = registry.watch({ intervalMs: 60_000 });
  for (const type of ['changed', 'refused'] as const) {
    watch.on(type, (event) => events.push(event));
  }
  const client = (await registry.clientFactory('flapping'))();
  for (let i = 0; i < 40; i++) {
    server.rotate(shown[i % shown.length] as typeof certificate, { dropConnections: true });
    await client(server.url).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await watch.close();
  const codes = events.map((event) => (event.type === 'refused' ? event.code : event.type));
  expect(new Set(codes).size).toBeGreaterThan(1);
  expect(codes.toSorted()).toEqual([...new Set(codes)].sort());
});

it('more servers that stall than are looked at in one go hide no revocation of the others, and each is reported once', async () => {
  const registry = openRegistry({ timeout: { connectMs: 1000 } });
  const { server, certificate } = await serve();
  const approved = { expectFingerprint: certificate.fingerprint };
  const stalling = Array.from({ length: 150 }, (_, i) => `stalling ${i}`);
  const good = Array.from({ length: 20 }, (_, i) => `the good ${i}`);
  for (const id of [...stalling, ...good]) await registry.register(id, server.url, approved);
  server.stall('handshake');
  server.clearRecords();
  const revoked: string[] = [];
  registry.watch().on('revoked', ({ id }) => revoked.push(id));
  await expect.poll(() => server.records.connections, { timeout: 20_000 }).toBeGreaterThan(60);
  for (const id of good) await registry.revoke(id);
  await expect.poll(() => server.records.connections, { timeout: 20_000 }).toBeGreaterThan(149);
  await expect.poll(() => revoked.toSorted()).toEqual(good.toSorted());
});

it.each([{ connectMs: 2000 }, { connectMs: 0 }])(
  'servers that stall keep the news of others back from nobody (%o)',
  async (timeout) => {
    const registry = openRegistry({ timeout });
    const all = await Promise.all(Array.from({ length: 36 }, serve));
    // Those that will stall come first in the store.
    const inOrder = [...all.entries()].sort(
      ([a], [b]) => Number(a % 6 === 0) - Number(b % 6 === 0),
    );
    for (const [i, { server, certificate }] of inOrder) {
      await registry.register(`server ${i}`, server.url, {
        expectFingerprint: certificate.fingerprint,
      });
    }
    const good = new Set<string>();
    for (const [i, { server }] of all.entries()) {
      if (i % 6 === 0) good.add(`server ${i}`);
      if (i % 6 === 0) server.rotate(await heldCertificate({ notAfter: inDays(300) }));
      else server.stall('handshake');
      server.dropConnections();
    }
    using lag = new Lag();
    for await (const event of registry.watch()) {
      if (event.type === 'changed') good.delete(event.id);
      if (good.size === 0) break;
    }
    // Eight shards of 64 with a stalling server in each would be gone through before the last one.
    expect(lag.elapsedMs).toBeLessThan(9000);
  },
);
