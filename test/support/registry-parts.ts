import { randomBytes } from 'node:crypto';
import { afterEach } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
  type ServerRegistry,
  type ServerRegistryOptions,
} from '../../src/index.js';

/** What a test file opens: closed after each test, the last first. */
export interface RegistryParts {
  readonly cleanups: (() => Promise<unknown>)[];
  readonly key: { readonly id: string; readonly key: Uint8Array };
  memoryStore(): EncryptedCertificateStore;
  /** Over a store in memory, unless another is given. */
  open(options?: Partial<ServerRegistryOptions>): ServerRegistry;
}

/** To be called once, at the top of a test file. */
export function registryParts(): RegistryParts {
  const cleanups: (() => Promise<unknown>)[] = [];
  const key = { id: 'k1', key: randomBytes(32) };
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function memoryStore(): EncryptedCertificateStore {
    const store = createCertificateStore({ keys: [key], storage: new Map(), whenEmpty: 'create' });
    cleanups.push(() => store.close());
    return store;
  }

  function open(options: Partial<ServerRegistryOptions> = {}): ServerRegistry {
    const registry = createServerRegistry({ store: memoryStore(), ...options });
    cleanups.push(() => registry.close());
    return registry;
  }

  return { cleanups, key, memoryStore, open };
}
