import { randomBytes } from 'node:crypto';
import {
  createCertificateStore,
  createServerRegistry,
  type ServerRegistry,
  type ServerRegistryOptions,
} from '../../../src/index.js';

/** A registry over a store in memory. */
export interface ScratchRegistry extends AsyncDisposable {
  readonly registry: ServerRegistry;
  /** Ids of what is on record. */
  stored(): Promise<readonly string[]>;
}

export function scratchRegistry(
  options: Omit<ServerRegistryOptions, 'store'> = {},
): ScratchRegistry {
  const keys = [{ id: 'k1', key: randomBytes(32) }];
  const store = createCertificateStore({ keys, storage: 'memory' });
  const registry = createServerRegistry({ store, ...options });
  return {
    registry,
    stored: async () => (await store.list()).map(({ id }) => id),
    async [Symbol.asyncDispose]() {
      await registry.close();
      await store.close();
    },
  };
}
