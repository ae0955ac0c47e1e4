import { watchErrors } from './adapter-errors.js';
import { keyvKeys } from './keyv-keys.js';
import { type KeyvAdapter, type KeyvLike, keyvAdapter, readsAtOnce } from './keyv-like.js';
import { keyvReplace, postgresRead } from './keyv-replace.js';
import { assertNotEvicting, type RedisInfoClient } from './redis-eviction.js';
import { NotWrittenError, type StoreBackend } from './store-backend.js';
import { MARKER_KEY } from './store-marker.js';
import { toWriteError } from './to-write-error.js';

/**
 * A backend over any Keyv 5.6 or 6.1, by the storage adapter beneath it. A record's key is
 * `<namespace>.<key>`, under whatever namespace the adapter has; its value is the envelope itself,
 * so what a Keyv instance adds (serialization, compression, expiry, its key prefix) is not used.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function keyvBackend(keyv: KeyvLike, namespace: string): StoreBackend {
  const adapter = keyvAdapter(keyv);
  const prefix = `${namespace}.`;
  const events = watchErrors(keyv, adapter);
  const replace = keyvReplace(adapter, prefix);
  const readAll = postgresRead(adapter);
  const redis = adapter.client as Partial<RedisInfoClient> | undefined;

  return {
    name: 'keyv',
    async read(keys) {
      const names = keys.map((key) => prefix + key);
      if (readAll !== undefined) return readAll(names);
      if (readsAtOnce(adapter)) return readMany(adapter, names);
      const seen = events.count;
      const rows = await readApart(adapter, names, prefix + MARKER_KEY);
      // Some answer a failed read with nothing, and report it by an event.
      if (events.count !== seen) throw events.last;
      return rows;
    },
    async keys() {
      const seen = events.count;
      const found = await keyvKeys(adapter, prefix);
      // @keyv/postgres ends an iteration that failed in the middle like one that is complete.
      if (events.count !== seen) throw events.last;
      return found;
    },
    async write(key, value) {
      let result: unknown;
      try {
        result = await adapter.set(prefix + key, value);
      } catch (error) {
        throw toWriteError(error);
      }
      if (result === false) throw new NotWrittenError('refused', 'set() answered false');
    },
    ...(replace && {
      replace: (key: string, expected: string | undefined, value: string) =>
        replace(key, expected, value).catch((error) => {
          throw toWriteError(error);
        }),
    }),
    ...(typeof redis?.info === 'function' && {
      checkSettings: () => assertNotEvicting(redis as RedisInfoClient),
    }),
    async close() {
      // The connection is the host application's.
      events.stop();
    },
  };
}

/** Of these, `null` is a row that holds NULL: damaged, and not absent. It is given as the empty text. */
const isSql = ({ opts }: KeyvAdapter): boolean =>
  /^(?:mysql|sqlite)$/.test(String(opts?.['dialect']));

/** In one operation: a row that is there proves that the others were looked for. */
async function readMany(
  adapter: KeyvAdapter,
  keys: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const rows =
    typeof adapter.getMany === 'function'
      ? await adapter.getMany(keys)
      : await Promise.all(keys.map((key) => adapter.get(key)));
  if (!Array.isArray(rows) || rows.length !== keys.length) {
    throw new Error('the adapter answered with another number of rows than it was asked for');
  }
  return rows.map((row) => (isSql(adapter) && row === null ? '' : (row ?? undefined)));
}

/**
 * Each key by itself, so that one that fails rejects, between two looks at the marker: the store was
 * there before and after. Not by the adapter's `getMany`, which may take what failed for nothing.
 */
async function readApart(
  adapter: KeyvAdapter,
  keys: readonly string[],
  marker: string,
): Promise<readonly (string | undefined)[]> {
  const before = (await adapter.get(marker)) ?? undefined;
  const rows = await Promise.all(keys.map((key) => adapter.get(key)));
  const after = (await adapter.get(marker)) ?? undefined;
  if (before !== after) throw new Error('the adapter answered in two ways at once');
  return rows.map((row) => (row ?? undefined) as string | undefined);
}
