import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis, { createClient } from '@keyv/redis';
import { Keyv } from 'keyv';
import { type CertificateStoreOptions, directoryStorage } from 'mcp-tls';
import { redisStorage } from 'mcp-tls/redis';
import { redisStorage as redisParts } from '../../src/redis/index.js';
import { headsOf, indexOf } from '../../src/redis/record-index.js';
import { partsOf, type ReadParts } from '../../src/store/storage.js';
import { startPostgres } from '../../test/store/support/start-postgres.js';
import { startRedis } from '../../test/store/support/start-redis.js';

/** Rows by key, each with its head. */
export type SeedRows = ReadonlyMap<string, { readonly row: string; readonly head: string }>;

/** As a store does it that writes them. */
export async function fillRedis(url: string, namespace: string, rows: SeedRows): Promise<void> {
  const { backend: backendOf } = partsOf(redisParts(url)) as ReadParts;
  const backend = backendOf(namespace);
  await Promise.all([...rows].map(([key, { row, head }]) => backend.write(key, row, head)));
  await backend.close();
}

/** Where records lie, and what it takes to read them without us. */
export interface BenchBackend {
  readonly name: string;
  storage(): CertificateStoreOptions['storage'];
  /** Rows by key, written past the store. */
  fill(namespace: string, rows: SeedRows): Promise<void>;
  /** Every name, and every row in steps of `step`. */
  readAll(namespace: string, step: number): Promise<void>;
  /** A Keyv with nothing around it. */
  readonly bare: Keyv;
  empty(namespace: string): Promise<void>;
  close(): Promise<void>;
}

export const BACKENDS: Readonly<Record<string, () => Promise<BenchBackend>>> = {
  redis: openRedis,
  directory: openDirectory,
  postgres: openPostgres,
};

async function openRedis(): Promise<BenchBackend> {
  const redis = await startRedis();
  const client = createClient({ url: redis.url });
  await client.connect();
  const adapter = new KeyvRedis<string>(redis.url);
  const hashOf = (namespace: string) => `mcp-tls:${namespace}`;
  return {
    name: 'mcp-tls/redis',
    storage: () => redisStorage(redis.url),
    bare: new Keyv(adapter, { namespace: 'bare', useKeyPrefix: false }),
    fill: (namespace, rows) => fillRedis(redis.url, namespace, rows),
    async readAll(namespace, step) {
      const fields = await client.hKeys(hashOf(namespace));
      await inSteps(fields, step, (some) => client.hmGet(hashOf(namespace), some));
    },
    async empty(namespace) {
      await client.del([hashOf(namespace), indexOf(namespace), headsOf(namespace)]);
    },
    async close() {
      client.destroy();
      await adapter.disconnect(true);
      await redis.stop();
    },
  };
}

async function openDirectory(): Promise<BenchBackend> {
  const path = mkdtempSync(join(tmpdir(), 'mcp-tls-scale-'));
  return {
    name: 'directory',
    storage: () => directoryStorage(path, { watch: false }),
    // There is no Keyv over a directory of files that could be compared: what is compared is its memory.
    bare: new Keyv(),
    async fill(namespace, rows) {
      await mkdir(join(path, namespace), { recursive: true, mode: 0o700 });
      for (const [key, { row }] of rows) {
        await writeFile(join(path, namespace, `${key}.jwe`), row, { mode: 0o600 });
      }
    },
    async readAll(namespace, step) {
      const folder = join(path, namespace);
      const names = (await readdir(folder)).filter((name) => name.endsWith('.jwe'));
      await inSteps(names, step, (some) =>
        Promise.all(some.map((name) => readFile(join(folder, name), 'utf8'))),
      );
    },
    async empty(namespace) {
      rmSync(join(path, namespace), { recursive: true });
    },
    async close() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

async function openPostgres(): Promise<BenchBackend> {
  const postgres = await startPostgres();
  const adapter = new KeyvPostgres({ uri: postgres.url });
  adapter.on('error', () => {});
  // One instance: each adds a listener to its adapter.
  const app = new Keyv(adapter, { namespace: 'app', useKeyPrefix: false });
  const select = 'SELECT key FROM public.keyv WHERE key LIKE $1';
  return {
    name: '@keyv/postgres',
    storage: () => app,
    bare: new Keyv(adapter, { namespace: 'bare', useKeyPrefix: false }),
    async fill(namespace, rows) {
      const entries = [...rows].map(([key, { row }]) => ({
        key: `${namespace}.${key}`,
        value: row,
      }));
      await adapter.setMany(entries);
    },
    async readAll(namespace, step) {
      const found = await adapter.query(select, [`${namespace}.%`]);
      const keys = found.map(({ key }) => String(key));
      await inSteps(keys, step, (some) => adapter.getMany(some));
    },
    async empty(namespace) {
      await adapter.query('DELETE FROM public.keyv WHERE key LIKE $1', [`${namespace}.%`]);
    },
    async close() {
      await adapter.disconnect();
      await postgres.stop();
    },
  };
}

async function inSteps(
  names: readonly string[],
  step: number,
  read: (some: string[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < names.length; start += step) {
    await read(names.slice(start, start + step));
  }
}
