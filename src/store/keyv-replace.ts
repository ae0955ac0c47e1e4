import type { KeyvAdapter } from './keyv-like.js';
import { expectationOf, FOUND, IS_EXPECTED } from './redis-expected.js';
import type { StoreBackend } from './store-backend.js';

/**
 * Compare-and-set by what the adapter is made of, since Keyv has none: the map itself, a script in
 * Redis, one statement in PostgreSQL. Without it, racing writers of one record cannot be distinguished
 * (2 of 400 updates were lost to a sweep of rewrites).
 *
 * @returns `undefined` where the adapter offers no way
 */
export function keyvReplace(adapter: KeyvAdapter, prefix: string): StoreBackend['replace'] {
  if (adapter instanceof Map) return mapReplace(adapter, prefix);
  const { opts, client, query } = adapter;
  if (opts?.['dialect'] === 'redis' && typeof (client as RedisEval)?.eval === 'function') {
    return redisReplace(adapter, client as RedisEval, prefix);
  }
  const table = postgresTable(adapter);
  if (table === undefined || query === undefined) return undefined;
  return postgresReplace(query.bind(adapter), table, prefix);
}

/** The table of @keyv/postgres, for statements of our own; `undefined` for other adapters. */
export function postgresTable({ opts, query }: KeyvAdapter): string | undefined {
  if (opts?.['dialect'] !== 'postgres' || typeof query !== 'function') return undefined;
  const [schema, table] = [opts['schema'], opts['table']].map(identifier);
  return schema === undefined || table === undefined ? undefined : `${schema}.${table}`;
}

interface RedisEval {
  readonly isOpen?: boolean;
  connect?(): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

const FIND = `local now = redis.call('GET', KEYS[1]) ${FOUND}`;
/** ARGV: what is expected, by two, the new value. */
const SCRIPT = `${IS_EXPECTED}
local now = redis.call('GET', KEYS[1])
if not isExpected(now, ARGV[1], ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
return 1`;

function mapReplace(map: Map<string, string>, prefix: string): StoreBackend['replace'] {
  return async (key, expected, value) => {
    if (map.get(prefix + key) !== expected) return false;
    map.set(prefix + key, value);
    return true;
  };
}

function redisReplace(
  adapter: KeyvAdapter,
  client: RedisEval,
  prefix: string,
): StoreBackend['replace'] {
  const separator = String(adapter.opts?.['keyPrefixSeparator'] ?? '::');
  const scope = adapter.namespace ? `${adapter.namespace}${separator}` : '';
  return async (key, expected, value) => {
    if (client.isOpen === false) await client.connect?.();
    const keys = [scope + prefix + key];
    const is = await expectationOf(expected, () => client.eval(FIND, { keys, arguments: [] }));
    if (is === undefined) return false;
    const answer = await client.eval(SCRIPT, { keys, arguments: [...is, value] });
    return Number(answer) === 1;
  };
}

function postgresReplace(
  query: NonNullable<KeyvAdapter['query']>,
  table: string,
  prefix: string,
): StoreBackend['replace'] {
  return async (key, expected, value) => {
    const rows =
      expected === undefined
        ? await query(
            `INSERT INTO ${table} (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING RETURNING key`,
            [prefix + key, value],
          )
        : await query(
            `UPDATE ${table} SET value = $2 WHERE key = $1 AND COALESCE(value, '') = $3 RETURNING key`,
            [prefix + key, value, expected],
          );
    return rows.length === 1;
  };
}

/**
 * Reads by a statement of our own: the adapter's answers `undefined` where there is no row, and `null` where
 * there is one that holds NULL, which is damaged and not absent. It is given as the empty text here.
 *
 * @returns `undefined` for other adapters
 */
export function postgresRead(
  adapter: KeyvAdapter,
): ((keys: readonly string[]) => Promise<readonly (string | undefined)[]>) | undefined {
  const table = postgresTable(adapter);
  if (table === undefined) return undefined;
  const query = (adapter.query as NonNullable<KeyvAdapter['query']>).bind(adapter);
  return async (keys) => {
    const rows = await query(`SELECT key, value FROM ${table} WHERE key = ANY($1)`, [keys]);
    const values = new Map(rows.map(({ key, value }) => [key, value ?? '']));
    return keys.map((key) => values.get(key) as string | undefined);
  };
}

/** @keyv/postgres puts these names into its statements as they are, so what it takes needs no quotes. */
function identifier(name: unknown): string | undefined {
  return typeof name === 'string' && /^[A-Za-z_]\w*$/.test(name) ? name : undefined;
}
