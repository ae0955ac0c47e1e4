import { invalidArgument } from '../assert.js';
import { count, type Declaration, declareOptions, flag, ms, readOptions } from '../options.js';
import { type CertificateStorage, storageOf } from '../store/storage.js';
import type { TrustInput } from '../trust/trust-policy.js';
import type { Acknowledgement } from './acknowledgement.js';
import { makeAnnouncements } from './announcements.js';
import { redisBackend } from './redis-backend.js';
import { makeRedisConnection } from './redis-client.js';
import type { RedisClientLike } from './redis-client-like.js';
import { redisInvalidation } from './redis-invalidation.js';
import { REDIS_TLS } from './redis-tls.js';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** Whether processes announce changes to each other over pub/sub. Default `true`. */
  watch?: boolean | undefined;
  /** Limit for making a connection, in ms. Default 2,000. Only with a URL. */
  connectMs?: number | undefined;
  /**
   * Whom to trust with a `rediss:` URL, as for an MCP server: `{ ca, clientCertificate: { cert, key } }`,
   * with `serverName` and `pins` as well. By authorities or roots, not by a server's own certificate or pins
   * alone. Default: the default roots of Node.js. Only with a URL.
   */
  tls?: TrustInput;
  /**
   * So many replicas must have a write of a record before it is done. If they are fewer, the write rejects
   * with `MCP_TLS_STORE_OUTCOME_UNKNOWN`: the master has it, and a failover may lose it. Default 0: the
   * master alone says so, and a failover may bring back what was revoked.
   *
   * Writes go over a connection of their own then. A failover to a replica that had not acknowledged is not
   * prevented by this, as long as there are more replicas than are named here.
   */
  acknowledgedBy?: number | undefined;
  /** Limit for their acknowledgement, in ms, below the store's `timeout.writeMs`. Default 1,000. */
  acknowledgedMs?: number | undefined;
  /** Whether it has to be on the disk of the master and of each of them (WAITAOF: Redis 7.2, `appendonly`). Default `false`. */
  acknowledgedOnDisk?: boolean | undefined;
}

const REDIS: Declaration<RedisStorageOptions> = declareOptions<RedisStorageOptions>(
  'redisStorage: options',
  {
    watch: flag(),
    connectMs: ms({ min: 1 }),
    tls: REDIS_TLS,
    acknowledgedBy: count(0, 100),
    acknowledgedMs: ms({ min: 1 }),
    acknowledgedOnDisk: flag(),
  },
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
 * const storage = redisStorage('rediss://redis.internal', { tls: { ca: redisCaPem } });
 * const store = createCertificateStore({ keys, storage });
 */
export function redisStorage(
  connect: string | URL | RedisClientLike,
  options: RedisStorageOptions = {},
): CertificateStorage {
  const read = readOptions(REDIS, options);
  const { watch = true, connectMs = 2_000 } = read;
  const target = connect instanceof URL ? connect.href : connect;
  const connection = makeRedisConnection(target, connectMs, read.tls);
  const announcements = watch ? makeAnnouncements() : undefined;
  const acknowledgement = readAcknowledgement(read);
  return storageOf({
    backend: (namespace) => redisBackend(connection, namespace, announcements, acknowledgement),
    ...(announcements && { invalidation: redisInvalidation(connection, announcements) }),
  });
}

function readAcknowledgement({
  acknowledgedBy = 0,
  acknowledgedMs,
  acknowledgedOnDisk = false,
}: RedisStorageOptions): Acknowledgement | undefined {
  if (acknowledgedBy > 0) {
    return { replicas: acknowledgedBy, onDisk: acknowledgedOnDisk, ms: acknowledgedMs ?? 1_000 };
  }
  if (acknowledgedMs !== undefined || acknowledgedOnDisk) {
    invalidArgument('acknowledgedMs and acknowledgedOnDisk need acknowledgedBy');
  }
  return undefined;
}
