import { type Declaration, declareOptions, flag, ms, readOptions } from '../options.js';
import { type CertificateStorage, storageOf } from '../store/storage.js';
import { makeAnnouncements } from './announcements.js';
import { redisBackend } from './redis-backend.js';
import { makeRedisConnection, type RedisClientLike } from './redis-client.js';
import { redisInvalidation } from './redis-invalidation.js';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** Whether processes tell each other over pub/sub what changed. Default `true`. */
  watch?: boolean | undefined;
  /** Limit for making a connection, in ms. Default 2,000. Only with a URL. */
  connectMs?: number | undefined;
}

const REDIS: Declaration<RedisStorageOptions> = declareOptions<RedisStorageOptions>(
  'redisStorage: options',
  { watch: flag(), connectMs: ms({ min: 1 }) },
  {
    elsewhere: {
      invalidation: "did you mean 'watch'?",
      connectTimeoutMs: "did you mean 'connectMs'?",
    },
  },
);

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
 * const store = createCertificateStore({ keys, storage: redisStorage('rediss://redis.internal') });
 */
export function redisStorage(
  connect: string | URL | RedisClientLike,
  options: RedisStorageOptions = {},
): CertificateStorage {
  const { watch = true, connectMs = 2_000 } = readOptions(REDIS, options);
  const target = connect instanceof URL ? connect.href : connect;
  const connection = makeRedisConnection(target, connectMs);
  if (!watch) {
    return storageOf({ backend: (name) => redisBackend(connection, name, undefined) });
  }
  const announcements = makeAnnouncements();
  return storageOf({
    backend: (namespace) => redisBackend(connection, namespace, announcements),
    invalidation: redisInvalidation(connection, announcements),
  });
}
