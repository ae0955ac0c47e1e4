import type { StoreBackend } from '../store/store-backend.js';
import { toWriteError } from '../store/to-write-error.js';
import type { RedisClientLike, RedisConnection } from './redis-client.js';

/** ARGV: field, whether a value is expected, that value, the new one. */
const REPLACE = `
local now = redis.call('HGET', KEYS[1], ARGV[1])
if (ARGV[2] == '1' and now ~= ARGV[3]) or (ARGV[2] == '0' and now) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1`;

/** The hash of one namespace. Every operation is one command on one key. */
export function redisBackend(connection: RedisConnection, namespace: string): StoreBackend {
  const hash = `mcp-tls:${namespace}`;

  async function write<T>(run: (client: RedisClientLike) => Promise<T>): Promise<T> {
    const client = await connection.ready();
    try {
      return await run(client);
    } catch (error) {
      throw toWriteError(error);
    }
  }

  return {
    name: 'redis',
    async read(keys) {
      const client = await connection.ready();
      const rows = await client.hmGet(hash, [...keys]);
      return rows.map((row) => row ?? undefined);
    },
    async keys() {
      const client = await connection.ready();
      return client.hKeys(hash);
    },
    async write(key, value) {
      await write((client) => client.hSet(hash, key, value));
    },
    async replace(key, expected, value) {
      const present = expected === undefined ? '0' : '1';
      const call = { keys: [hash], arguments: [key, present, expected ?? '', value] };
      return Number(await write((client) => client.eval(REPLACE, call))) === 1;
    },
    close: () => connection.close(),
  };
}
