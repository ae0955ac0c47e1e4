import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis from '@keyv/redis';
import { Keyv } from 'keyv';
import { openPostgres, openSqlite } from '../../examples/host-store/database.js';
import {
  type CertificateStorage,
  type CertificateStore,
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
  type RawKey,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { createStorage } from '../../src/store/index.js';
import { keyvBackend } from '../../src/store/keyv-backend.js';
import { partsOf, type ReadParts } from '../../src/store/storage.js';
import { gateBackend, gateDatabase, type Points } from './barriers.js';

/** Where a store is, in words that can be sent to another process. */
export interface StorePlace {
  readonly kind: SealedKind | HostKind;
  /** A path or a URL. */
  readonly at: string;
  /** Whether processes hear of each other's changes. */
  readonly channel: boolean;
  /** Of the cache; 0: none. */
  readonly ttlMs: number;
}

type SealedKind = 'directory' | 'redis' | 'keyv-redis' | 'keyv-postgres';
/** A host application's own table. */
type HostKind = 'host-sqlite' | 'host-postgres';

/** Any number of stores, under names of their own, over connections that they share. */
export interface OpenedPlace {
  /** @param points where a flow over it can be held */
  open(namespace: string, points?: Points): CertificateStore;
  /** Of ours only. */
  openSealed(namespace: string, points?: Points): EncryptedCertificateStore;
  /** Ends the connections, which a store leaves to whoever made them. */
  close(): Promise<void>;
}

/** Whether it is a table of a host application, which has no name for a store. */
export const isHost = ({ kind }: StorePlace): boolean => kind.startsWith('host-');

/** How often a registry looks at what it has open, in ms; see docs/registry.md. */
export const lookMsOf = (place: StorePlace): number =>
  Math.max(250, isHost(place) ? place.ttlMs : Math.min(place.ttlMs, 500));

export async function openPlace(place: StorePlace, keys: readonly RawKey[]): Promise<OpenedPlace> {
  if (isHost(place)) return openTable(place, keys);
  const { ttlMs } = place;
  const { storage, disconnect } = storageOf(place);

  function openSealed(namespace: string, points?: Points): EncryptedCertificateStore {
    return createCertificateStore({
      keys,
      namespace,
      cache: { ttlMs, negativeTtlMs: ttlMs },
      // A machine with many processes on few processors is not what is tested.
      timeout: { readMs: 5_000, writeMs: 8_000 },
      storage: points === undefined ? storage() : gated(storage(), points),
    });
  }

  return { open: openSealed, openSealed, close: async () => void (await disconnect?.()) };
}

function gated(storage: CertificateStorage, points: Points): CertificateStorage {
  const { backend, ...rest } = partsOf(storage) as ReadParts;
  return createStorage({ ...rest, backend: (name) => gateBackend(backend(name), points) });
}

async function openTable(place: StorePlace, keys: readonly RawKey[]): Promise<OpenedPlace> {
  // It imports the package by its name, which has to be built.
  const { createGatewayStore } = await import('../../examples/host-store/gateway-store.js');
  const database = await (place.kind === 'host-sqlite'
    ? openSqlite(place.at)
    : openPostgres(place.at));
  return {
    open(_namespace, points) {
      const gated = points === undefined ? database : gateDatabase(database, points);
      const { close: _, ...store } = createGatewayStore(gated, keys);
      // How often a registry looks at what is open: there is no cache in this store.
      return { ...store, ttlMs: place.ttlMs };
    },
    openSealed() {
      throw new Error("a host application's store is not one of ours");
    },
    close: () => database.close(),
  };
}

interface Storage {
  readonly storage: () => CertificateStorage;
  readonly disconnect?: () => Promise<unknown>;
}

function storageOf({ kind, at, channel }: StorePlace): Storage {
  switch (kind) {
    case 'directory':
      return { storage: () => directoryStorage(at, { watch: channel }) };
    case 'redis':
      return { storage: () => redisStorage(at, { watch: channel }) };
    case 'keyv-redis': {
      const adapter = new KeyvRedis<string>(at);
      adapter.on('error', () => {});
      return { storage: keyvOver(adapter), disconnect: () => adapter.disconnect(true) };
    }
    default: {
      // Its pool has no listener for connections that break while they are idle; the server goes on.
      const adapter = new KeyvPostgres({ uri: at, table: 'processes' });
      adapter.on('error', () => {});
      return { storage: keyvOver(adapter), disconnect: () => adapter.disconnect() };
    }
  }
}

const keyvOver = (adapter: KeyvRedis<string> | KeyvPostgres): Storage['storage'] => {
  const keyv = new Keyv(adapter as never, { namespace: 'app', useKeyPrefix: false });
  return () => createStorage({ backend: (namespace) => keyvBackend(keyv, namespace) });
};
