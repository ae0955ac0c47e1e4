import { randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, expect } from 'vitest';
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
import { heldCertificate, type McpTestServer, startMcpServer } from '../../src/testing/index.js';

/**
 * `registry.watch()` over real servers. Several stores over one map stand for several processes; real
 * ones are in test/store/watch.test.ts.
 */

const key = { id: 'k1', key: randomBytes(32) };

const DAY = 86_400_000;

export const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const endOf = ({ pem }: { pem: string }): Date => new Date(new X509Certificate(pem).validTo);

export const inDays = (days: number): Date => new Date(Date.now() + days * DAY);

export async function serve(certificate?: Awaited<ReturnType<typeof heldCertificate>>) {
  const held = certificate ?? (await heldCertificate({ notAfter: inDays(300) }));
  const server = await startMcpServer({ certificate: held });
  cleanups.push(() => server.close());
  return { server, held, approved: { expectFingerprint: held.fingerprint } };
}

export function openStore(map = new Map<string, string>()): EncryptedCertificateStore {
  const store = createCertificateStore({
    keys: [key],
    storage: map,
    whenEmpty: 'create',
    cache: { ttlMs: 0 },
  });
  cleanups.push(() => store.close());
  return store;
}

export function open(store: CertificateStore = openStore()): ServerRegistry {
  const registry = createServerRegistry({ store });
  cleanups.push(() => registry.close());
  return registry;
}

/** Collects what a watch tells. */
export function listen(registry: ServerRegistry, options: WatchOptions = {}) {
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
export async function next<Type extends RegistryEvent['type']>(
  watch: RegistryWatch,
  type: Type,
): Promise<Extract<RegistryEvent, { type: Type }>> {
  for await (const event of watch) {
    if (event.type === type) return event as Extract<RegistryEvent, { type: Type }>;
  }
  throw new Error(`the watch ended without '${type}'`);
}

/** Until each server has been connected to `times` more often. */
export async function scans(server: McpTestServer, times: number): Promise<void> {
  const { connections } = server.records;
  await expect
    .poll(() => server.records.connections, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(connections + times);
}
