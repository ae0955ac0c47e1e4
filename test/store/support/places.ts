import { mkdtempSync, rmSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis, { createClient } from '@keyv/redis';
import { Keyv } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import type { CertificateStoreOptions } from '../../../src/index.js';
import { directoryStorage } from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { directoryBackend } from '../../../src/store/directory-backend.js';
import type { StoreBackendFactory } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { partsOf, type ReadParts } from '../../../src/store/storage.js';
import { type Rows, rowsOf } from './rows.js';

/** A place where stores can be made, several over one. */
export interface Place {
  /** For one more store over the same records, as another process would make it. */
  options(): Pick<CertificateStoreOptions, 'storage'>;
  rows(namespace: string): Promise<Rows>;
  close(): Promise<void>;
}

export interface PlaceKind {
  readonly name: string;
  readonly server: 'none' | 'redis' | 'postgres';
  /** The interface only: what is attacked is the same code as in the one above it. */
  readonly brief?: true;
  open(url: string): Promise<Place> | Place;
}

/** Everything that the conformance suite is run against. */
export const PLACES: readonly PlaceKind[] = [
  { name: 'memory (Map)', server: 'none', open: openMap },
  { name: 'directory', server: 'none', open: openDirectory },
  { name: 'Keyv 5.6, its own map', server: 'none', brief: true, open: () => openKeyv(new Keyv()) },
  { name: 'Keyv 6.1, its own adapter', server: 'none', open: () => openKeyv(new Keyv6()) },
  { name: 'Keyv 5.6 over Redis', server: 'redis', open: (url) => openRedisKeyv(url, '5.6') },
  { name: 'Keyv 6.1 over Redis', server: 'redis', open: (url) => openRedisKeyv(url, '6.1') },
  {
    name: 'the adapter of Redis',
    server: 'redis',
    brief: true,
    open: (url) => openRedisKeyv(url, 'adapter'),
  },
  { name: 'mcp-tls/redis', server: 'redis', open: openRedis },
  { name: 'Keyv 5.6 over PostgreSQL', server: 'postgres', open: openPostgres },
];

export const placeNamed = (name: string): PlaceKind => {
  const found = PLACES.find((place) => place.name === name);
  if (found === undefined) throw new Error(`no place '${name}'`);
  return found;
};

function openMap(): Place {
  const map = new Map<string, string>();
  return {
    options: () => ({ storage: map }),
    rows: async (namespace) =>
      rowsOf(keyvBackend(map, namespace), async (key) => map.delete(`${namespace}.${key}`)),
    async close() {},
  };
}

function openDirectory(): Place {
  const path = mkdtempSync(join(tmpdir(), 'mcp-tls-store-'));
  return {
    options: () => ({ storage: directoryStorage(path, { watch: false }) }),
    rows: async (namespace) => directoryRows(directoryBackend(path), path, namespace),
    close: async () => rmSync(path, { recursive: true, force: true }),
  };
}

function directoryRows(backend: StoreBackendFactory, path: string, namespace: string): Rows {
  return rowsOf(backend(namespace), (key) => unlink(join(path, namespace, `${key}.jwe`)));
}

type AnyKeyv = Keyv | Keyv6;

function openKeyv(keyv: AnyKeyv): Place {
  return {
    options: () => ({ storage: keyv }),
    rows: async (namespace) =>
      rowsOf(keyvBackend(keyv, namespace), async (key) => {
        await (keyv.store as Map<string, string>).delete(`${namespace}.${key}`);
      }),
    async close() {},
  };
}

function openRedisKeyv(url: string, over: '5.6' | '6.1' | 'adapter'): Place {
  const adapters: KeyvRedis<string>[] = [];
  const adapter = () => {
    const made = new KeyvRedis<string>(url);
    made.on('error', () => {});
    adapters.push(made);
    return made;
  };
  const make = () => {
    if (over === 'adapter') return adapter();
    // What createKeyv of @keyv/redis does: the one form with the same keys in both.
    if (over === '5.6') return new Keyv(adapter(), { namespace: 'app', useKeyPrefix: false });
    return new Keyv6(adapter() as never, { namespace: 'app' });
  };
  return {
    options: () => ({ storage: make() }),
    async rows(namespace) {
      const scope = over === 'adapter' ? '' : 'app::';
      const client = createClient({ url });
      client.on('error', () => {});
      await client.connect();
      adapters.push({ disconnect: async () => client.destroy() } as never);
      return rowsOf(keyvBackend(make(), namespace), (key) =>
        client.del(`${scope}${namespace}.${key}`),
      );
    },
    async close() {
      for (const one of adapters) await one.disconnect(true).catch(() => {});
    },
  };
}

async function openRedis(url: string): Promise<Place> {
  const clients: { destroy(): void }[] = [];
  return {
    options: () => ({ storage: redisStorage(url) }),
    async rows(namespace) {
      const client = createClient({ url });
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      const { backend } = partsOf(redisStorage(client, { watch: false })) as ReadParts;
      return rowsOf(backend(namespace), (key) => client.hDel(`mcp-tls:${namespace}`, key));
    },
    async close() {
      for (const client of clients) client.destroy();
    },
  };
}

/** A table of its own, since the tests' records would meet in one. */
function openPostgres(url: string): Place {
  const table = `keyv_${Math.random().toString(36).slice(2)}`;
  // Its pool has no 'error' listener, and nobody can add one: an idle connection that breaks ends the
  // process. With one use for each, none is idle.
  const adapter = new KeyvPostgres({ uri: url, table, maxUses: 1 });
  adapter.on('error', () => {});
  return {
    options: () => ({ storage: new Keyv(adapter, { namespace: 'app', useKeyPrefix: false }) }),
    rows: async (namespace) =>
      rowsOf(keyvBackend(adapter, namespace), (key) => adapter.delete(`${namespace}.${key}`)),
    async close() {
      await adapter.disconnect();
    },
  };
}
