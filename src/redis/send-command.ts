import { isSingle } from './readiness.js';
import type { RedisClientLike } from './redis-client-like.js';

/**
 * Sends a command that node-redis is not asked for by name: each kind of client takes it in another way.
 *
 * @param key leads to the node of a cluster that has it
 */
export function sendCommand(
  client: RedisClientLike,
  key: string,
  words: readonly string[],
): Promise<unknown> {
  const call = client.sendCommand as ((...args: unknown[]) => Promise<unknown>) | undefined;
  if (call === undefined) throw new Error("this client cannot send a command of one's own");
  // The flag says that it is no reading, which a replica could answer.
  if (client.slots !== undefined) return call.call(client, key, false, words);
  return isSingle(client) ? call.call(client, words) : call.call(client, false, words);
}
