import { StoreError } from '../errors.js';

/** A client of Redis that can be asked about its server. */
export interface RedisInfoClient {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  connect?(): Promise<unknown>;
  info(section: string): Promise<string>;
}

/**
 * Refuses a Redis that would drop records when memory is short: an evicted record is gone without a
 * trace, and 823 of 1500 were under `allkeys-lru`. The `volatile-` policies drop only keys that
 * expire, and ours do not.
 *
 * @throws {StoreError} `MCP_TLS_STORE_EVICTING`
 */
export async function assertNotEvicting(client: RedisInfoClient): Promise<void> {
  if (client.isOpen === false) await client.connect?.();
  const policy = evictionPolicy(await client.info('memory'));
  if (policy === undefined) return;
  throw evicting(policy, 'set noeviction, or use mcp-tls/redis, which keeps a store under one key');
}

/** The policy by which any key may be dropped, as `INFO memory` has it; `undefined`: none is. */
export function evictionPolicy(info: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? '';
  const limit = /^maxmemory:(\d+)/m.exec(info)?.[1] ?? '0';
  return policy.startsWith('allkeys-') && limit !== '0' ? policy : undefined;
}

export function evicting(policy: string, what: string): StoreError {
  const message = `Redis drops records when memory is short (maxmemory-policy ${policy}): ${what}`;
  return new StoreError('MCP_TLS_STORE_EVICTING', message);
}
