import { StoreError } from '../errors.js';
import type { KeyvAdapter } from './keyv-like.js';
import { postgresTable } from './keyv-replace.js';

/**
 * Every key of the store with this prefix.
 *
 * @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE` if the adapter cannot list
 */
export async function keyvKeys(adapter: KeyvAdapter, prefix: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const add = (key: string) => {
    if (key.startsWith(prefix)) found.add(key.slice(prefix.length));
  };
  if (adapter instanceof Map) for (const key of adapter.keys()) add(key);
  else if (typeof adapter.iterator !== 'function') {
    throw new StoreError('MCP_TLS_STORE_UNAVAILABLE', 'this Keyv adapter cannot list its records');
  } else if (postgresTable(adapter) !== undefined) {
    // Its iterator asks for ten rows at a time, with their values. The prefix has nothing that LIKE reads.
    const { query } = adapter as Required<Pick<KeyvAdapter, 'query'>>;
    const select = `SELECT key FROM ${postgresTable(adapter)} WHERE key LIKE $1`;
    for (const row of await query.call(adapter, select, [`${prefix}%`])) add(String(row['key']));
  } else {
    // @keyv/redis yields keys without the namespace, and only with it. @keyv/postgres has it in the
    // pattern, though it never puts it into a key.
    const scoped = adapter.opts?.['dialect'] === 'redis' ? adapter.namespace : undefined;
    for await (const [key] of adapter.iterator(scoped)) add(key);
  }
  return [...found];
}
