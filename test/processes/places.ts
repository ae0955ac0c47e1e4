import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis from '@keyv/redis';
import { Keyv } from 'keyv';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
  type RawKey,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';

/** Where a store is, in words that can be sent to another process. */
export interface StorePlace {
  readonly kind: 'directory' | 'redis' | 'keyv-redis' | 'keyv-postgres';
  /** A path or a URL. */
  readonly at: string;
  /** Whether processes hear of each other's changes. */
  readonly channel: boolean;
  /** Of the cache; 0: none. */
  readonly ttlMs: number;
}

export interface OpenedStore {
  readonly store: EncryptedCertificateStore;
  /** Its connections too, which a store leaves to whoever made them. */
  close(): Promise<void>;
}

export function openStore(place: StorePlace, keys: readonly RawKey[]): OpenedStore {
  const { ttlMs } = place;
  const { options, disconnect } = storageOf(place);
  const store = createCertificateStore({
    keys,
    namespace: 'processes',
    cache: { ttlMs, negativeTtlMs: ttlMs },
    // A machine with many processes on few processors is not what is tested.
    timeout: { readMs: 5_000, writeMs: 8_000 },
    ...options,
  });
  return {
    store,
    async close() {
      await store.close();
      await disconnect?.();
    },
  };
}

interface Storage {
  readonly options: Pick<CertificateStoreOptions, 'storage'>;
  readonly disconnect?: () => Promise<unknown>;
}

function storageOf({ kind, at, channel }: StorePlace): Storage {
  switch (kind) {
    case 'directory':
      return { options: { storage: directoryStorage(at, { watch: channel }) } };
    case 'redis':
      return { options: { storage: redisStorage(at, { watch: channel }) } };
    case 'keyv-redis': {
      const adapter = new KeyvRedis<string>(at);
      adapter.on('error', () => {});
      return { options: keyvOver(adapter), disconnect: () => adapter.disconnect(true) };
    }
    case 'keyv-postgres': {
      // With one use for each connection, none is idle: its pool has no listener for broken ones.
      const adapter = new KeyvPostgres({ uri: at, table: 'processes', maxUses: 1 });
      adapter.on('error', () => {});
      return { options: keyvOver(adapter), disconnect: () => adapter.disconnect() };
    }
  }
}

const keyvOver = (
  adapter: KeyvRedis<string> | KeyvPostgres,
): Pick<CertificateStoreOptions, 'storage'> => ({
  storage: new Keyv(adapter as never, { namespace: 'app', useKeyPrefix: false }),
});
