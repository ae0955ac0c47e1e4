import { assertKnownKeys, invalidArgument } from '../assert.js';
import type { Invalidation } from '../store/invalidation.js';
import type { StoreBackendFactory } from '../store/store-backend.js';
import { makeAnnouncements } from './announcements.js';
import { redisBackend } from './redis-backend.js';
import { makeRedisConnection, type RedisClientLike } from './redis-client.js';
import { redisInvalidation } from './redis-invalidation.js';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** Whether processes tell each other over pub/sub what changed. Default `true`. */
  readonly invalidation?: boolean;
  /** Limit for making a connection, in ms. Default 2,000. Only with a URL. */
  readonly connectTimeoutMs?: number;
}

/** To be spread into the options of `createCertificateStore`. */
export interface RedisStorage {
  readonly backend: StoreBackendFactory;
  readonly invalidation?: Invalidation;
}

/**
 * Keeps a store in Redis (or Valkey), and has changes noticed by every process at once.
 *
 * A namespace is **one** hash, `mcp-tls:<namespace>`. So a store is read, listed and evicted whole: a
 * Redis that drops keys when memory is short takes the marker with the records, which is noticed. It
 * also lies in one slot of a cluster. Redis should have persistence and `noeviction` all the same.
 *
 * @param connect a URL, which needs `@keyv/redis` to be installed; or a client, cluster or sentinel of
 *   node-redis 5, which stays yours and open
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({ keys, ...redisStorage('rediss://redis.internal:6379') });
 */
export function redisStorage(
  connect: string | RedisClientLike,
  options: RedisStorageOptions = {},
): RedisStorage {
  assertKnownKeys('options', options, ['invalidation', 'connectTimeoutMs']);
  const { invalidation = true, connectTimeoutMs = 2_000 } = options;
  if (typeof invalidation !== 'boolean') invalidArgument('options.invalidation must be a boolean');
  if (!Number.isInteger(connectTimeoutMs) || connectTimeoutMs < 1) {
    invalidArgument('options.connectTimeoutMs must be a positive number of milliseconds');
  }
  const connection = makeRedisConnection(connect, connectTimeoutMs);
  if (!invalidation) return { backend: (name) => redisBackend(connection, name, undefined) };
  const announcements = makeAnnouncements();
  return {
    backend: (namespace) => redisBackend(connection, namespace, announcements),
    invalidation: redisInvalidation(connection, announcements),
  };
}
