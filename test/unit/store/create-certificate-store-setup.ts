import { type CertificateStoreOptions, createCertificateStore } from '../../../src/index.js';
import { createStorage, type StoreBackend } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { aKey, aRecord } from './support.js';

export const keys = [aKey()];

export const FAST = {
  timeout: { readMs: 40, writeMs: 40 },
  breaker: { failures: 100, resetMs: 80 },
};

/** A store over a map whose calls a test can replace. */
export function over(change: (backend: StoreBackend) => Partial<StoreBackend>, more = {}) {
  const map = new Map<string, string>();
  const plain = keyvBackend(map, 'certificates');
  const sound = createCertificateStore({ keys, storage: map, cache: { ttlMs: 0 } });
  const broken = { ...plain, ...change(plain) };
  const options: CertificateStoreOptions = {
    keys,
    storage: createStorage({ backend: () => broken }),
    cache: { ttlMs: 0 },
    ...FAST,
    ...more,
  };
  return { map, plain, sound, broken, store: createCertificateStore(options) };
}

export const hang = () => new Promise<never>(() => {});

export const fail = (message: string) => () => Promise.reject(new Error(message));

/** After a change somewhere, so that it is read anew. */
export async function createUncached(
  store: ReturnType<typeof createCertificateStore>,
  id: string,
): Promise<unknown> {
  await store.set('other', aRecord());
  await store.delete('nothing');
  return store.get(id);
}
