import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCertificateStore, directoryStorage, type EncryptedCertificateStore } from 'mcp-tls';
import { redisStorage } from 'mcp-tls/redis';
import { createStorage, type Invalidation } from 'mcp-tls/store';
import type { Peer } from './peer.js';
import type { Settings } from './settings.js';

type StoreSettings = Pick<Settings, 'dataDir' | 'redisUrl' | 'storeKey'>;

/** The store that all workers share: a directory, or Redis with its own channel for changes. */
export function openStore(
  { dataDir, redisUrl, storeKey }: StoreSettings,
  invalidation: Invalidation,
): EncryptedCertificateStore {
  const keys = [{ id: 'gateway', key: storeKey }];
  return redisUrl === undefined
    ? createCertificateStore({
        keys,
        storage: createStorage({
          backend: directoryStorage(join(dataDir, 'store'), { watch: false }),
          invalidation,
        }),
      })
    : createCertificateStore({ keys, storage: redisStorage(redisUrl) });
}

/**
 * Sets a store up the first time that this gateway uses it, and never again: a store that has lost
 * everything looks like a new one, and must not be mistaken for one.
 */
export async function setUpStore(settings: StoreSettings): Promise<void> {
  const place = settings.redisUrl ?? 'directory';
  // A Redis URL may hold a password.
  const mark = createHash('sha256').update(place).digest('hex');
  const marks = join(settings.dataDir, 'stores-set-up');
  if (existsSync(marks) && readFileSync(marks, 'utf8').includes(mark)) return;
  const store = openStore(settings, noInvalidation);
  try {
    await store.initialize();
    appendFileSync(marks, `${mark}\n`, { mode: 0o600 });
  } finally {
    await store.close();
  }
}

/** For a process that only sets up. */
const noInvalidation: Invalidation = {
  async subscribe() {},
  async publish() {},
  async close() {},
};

/**
 * Changes of a directory store, announced to the other workers of this machine through the primary. With
 * `directoryStorage` the operating system announces them as soon, and nobody waits for it. Here a publication
 * resolves when all workers have taken note, and the store waits for that: a revocation that was
 * answered holds in every one of them.
 */
export function workerInvalidation(): { invalidation: Invalidation; connect(peer: Peer): void } & {
  onChanged(body: unknown): void;
} {
  type Listener = Parameters<Invalidation['subscribe']>[1];
  const listeners = new Map<string, Listener>();
  let primary: Peer | undefined;
  return {
    invalidation: {
      async subscribe(namespace, listener) {
        listeners.set(namespace, listener);
      },
      async publish(namespace, id) {
        await primary?.ask('changed', { namespace, id });
      },
      async close() {
        listeners.clear();
      },
    },
    connect(peer) {
      primary = peer;
    },
    onChanged(body) {
      const { namespace, id } = body as { namespace: string; id: string };
      listeners.get(namespace)?.({ type: 'changed', id });
    },
  };
}
