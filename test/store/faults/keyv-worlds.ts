import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyvEtcd } from '@keyv/etcd';
import { KeyvMysql } from '@keyv/mysql';
import { KeyvSqlite } from '@keyv/sqlite';
import KeyvValkey from '@keyv/valkey';
import { Keyv } from 'keyv';
import sqlite from 'node-sqlite3-wasm';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { type Place, placeNamed } from '../support/places.js';
import { rowsOf } from '../support/rows.js';
import { startEtcd } from '../support/start-etcd.js';
import { startMariaDb } from '../support/start-mariadb.js';
import { startPostgres } from '../support/start-postgres.js';
import { startRedis } from '../support/start-redis.js';
import type { World } from './worlds.js';

/** Backends of the table that are reached by an adapter of Keyv, other than @keyv/redis. */

/** The adapter's listing ends after its first entry, without a word. */
function cuttable(given: object): NonNullable<World['cut']> {
  const adapter = given as {
    iterator(namespace?: string): AsyncIterable<readonly [string, unknown]>;
  };
  const { iterator } = adapter;
  return {
    async begin() {
      adapter.iterator = async function* (...args) {
        for await (const entry of iterator.apply(adapter, args)) {
          if (entry[0].endsWith('0marker')) continue;
          yield entry;
          return;
        }
      };
    },
    async end() {
      adapter.iterator = iterator;
    },
  };
}

/** Besides, of an adapter that asks for each key apart, one of its readings fails. */
function failing(given: object): Pick<World, 'cut' | 'failing'> {
  const adapter = given as { get(key: string): Promise<unknown> };
  const { get } = adapter;
  const state: NonNullable<World['failing']> = { key: undefined };
  adapter.get = async (key) => {
    if (state.key !== undefined && key.endsWith(state.key)) throw new Error('cut off');
    return get.call(adapter, key);
  };
  return { cut: cuttable(given), failing: state };
}

/** Adapters that nothing is added to: an instance of Keyv around each store's own view of it. */
function placeOver(adapter: KeyvMysql | KeyvSqlite | KeyvEtcd): Place {
  // One instance: each adds a listener to its adapter.
  const storage = new Keyv(adapter, { namespace: 'app', useKeyPrefix: false });
  storage.on('error', () => {});
  return {
    options: () => ({ storage }),
    rows: async (namespace) =>
      rowsOf(keyvBackend(adapter as never, namespace), (key) =>
        adapter.delete(`${namespace}.${key}`),
      ),
    async close() {
      await adapter.disconnect();
    },
  };
}

export async function mariaDbWorld(): Promise<World> {
  const server = await startMariaDb();
  const adapter = new KeyvMysql({ uri: server.url, connectTimeout: 2_000 });
  const place = placeOver(adapter);
  const readOnly = (on: boolean) => server.query(`SET GLOBAL read_only = ${on}`);
  return {
    place,
    cut: cuttable(adapter),
    down: { begin: server.kill, end: server.start },
    hung: { begin: async () => server.hang(), end: async () => server.goOn() },
    async restart() {
      await server.kill();
      await server.start();
    },
    full: {
      begin: async () => void (await readOnly(true)),
      end: async () => void (await readOnly(false)),
    },
    async close() {
      await place.close().catch(() => {});
      await server.stop();
    },
  };
}

export async function etcdWorld(): Promise<World> {
  const server = await startEtcd();
  const adapter = new KeyvEtcd(server.url);
  const place = placeOver(adapter);
  return {
    place,
    ...failing(adapter),
    full: { begin: server.fill, end: server.clear, mayHaveWritten: true },
    // Each key is asked for by itself, between two looks at the marker.
    patienceMs: 1_000,
    down: { begin: server.kill, end: server.start },
    hung: { begin: async () => server.hang(), end: async () => server.goOn() },
    async restart() {
      await server.kill();
      await server.start();
    },
    async close() {
      await place.close().catch(() => {});
      await server.stop();
    },
  };
}

export async function sqliteWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-faults-sqlite-'));
  const file = join(folder, 'store.db');
  const adapter = new KeyvSqlite(`sqlite://${file}`);
  const place = placeOver(adapter);
  await adapter.query('SELECT 1');
  const pages = (max: string): Promise<unknown> => adapter.query(`PRAGMA max_page_count = ${max}`);
  const other = new sqlite.Database(file);
  return {
    place,
    cut: cuttable(adapter),
    // No page more than it has: what a full disk comes down to.
    full: {
      begin: async () => void (await pages('1')),
      end: async () => void (await pages('1000000')),
    },
    down: {
      // Locked by another process, such as a backup, and for longer than anybody waits.
      async begin() {
        other.exec('BEGIN EXCLUSIVE');
      },
      async end() {
        other.exec('COMMIT');
      },
    },
    async close() {
      await place.close().catch(() => {});
      other.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It cannot be told from one that has lost its records: see src/store/keyv-like.ts. */
export async function valkeyWorld(): Promise<World> {
  const redis = await startRedis();
  const adapter = new KeyvValkey(redis.url);
  const options = () => ({ storage: new Keyv(adapter) });
  return {
    place: { options, rows: () => Promise.reject(new Error('refused')), close: async () => {} },
    refusedAs: 'KeyvValkey',
    async close() {
      await adapter.disconnect();
      await redis.stop();
    },
  };
}

/** An adapter that asks for each key apart, as @keyv/etcd does: a double, whose `getMany` takes failures for nothing. */
export function apartWorld(): World {
  const rows = new Map<string, string>();
  const state = { down: false };
  const alive = async <T>(run: () => T): Promise<T> => {
    if (state.down) throw new Error('14 UNAVAILABLE');
    return run();
  };
  const get = (key: string) => alive(() => rows.get(key));
  const adapter = {
    opts: { dialect: 'etcd' },
    get,
    getMany: async (keys: readonly string[]) =>
      (await Promise.allSettled(keys.map(get))).map((one) =>
        one.status === 'fulfilled' ? one.value : undefined,
      ),
    set: (key: string, value: string) => alive(() => void rows.set(key, value)),
    delete: (key: string) => alive(() => rows.delete(key)),
    clear: async () => rows.clear(),
    async *iterator() {
      yield* await alive(() => [...rows]);
    },
  };
  return {
    ...failing(adapter),
    place: {
      options: () => ({ storage: adapter as never }),
      rows: async (namespace) =>
        rowsOf(keyvBackend(rows, namespace), async (key) => rows.delete(`${namespace}.${key}`)),
      close: async () => {},
    },
    down: {
      begin: async () => {
        state.down = true;
      },
      end: async () => {
        state.down = false;
      },
    },
    close: async () => {},
  };
}

export async function postgresWorld(): Promise<World> {
  const postgres = await startPostgres();
  const place = await placeNamed('Keyv 5.6 over PostgreSQL').open(postgres.url);
  const readOnly = async (on: boolean) => {
    await postgres.query(`ALTER SYSTEM SET default_transaction_read_only = ${on}`);
    await postgres.query('SELECT pg_reload_conf()');
  };
  return {
    place,
    down: { begin: postgres.kill, end: postgres.start },
    hung: { begin: async () => postgres.hang(), end: async () => postgres.goOn() },
    async restart() {
      await postgres.kill();
      await postgres.start();
    },
    // What a full disk comes down to for the client: the statement is refused.
    full: { begin: () => readOnly(true), end: () => readOnly(false) },
    async close() {
      await place.close().catch(() => {});
      await postgres.stop();
    },
  };
}
