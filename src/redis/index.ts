/** Certificate stores in Redis, shared by any number of processes and hosts. */

export type { CertificateStorage } from '../store/storage.js';
export type { RedisClientLike } from './redis-client-like.js';
export type { RedisStorageOptions } from './redis-storage.js';
export { redisStorage } from './redis-storage.js';
