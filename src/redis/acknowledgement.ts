import { StoreError } from '../errors.js';
import type { RedisClientLike } from './redis-client-like.js';
import { sendCommand } from './send-command.js';

/** Which replicas have to have a write before it is taken for done. */
export interface Acknowledgement {
  /** How many of them. */
  readonly replicas: number;
  /** On the disk of the master and of each of them, and not only in memory. */
  readonly onDisk: boolean;
  /** Limit for them to answer, milliseconds. */
  readonly ms: number;
}

/**
 * Waits until enough replicas have everything that was written over this connection before.
 *
 * @param key leads to the node of a cluster that was written to
 * @throws {StoreError} `MCP_TLS_STORE_OUTCOME_UNKNOWN` if they are fewer: the master has the write, and a
 *   failover may lose it
 */
export async function assertAcknowledged(
  client: RedisClientLike,
  key: string,
  { replicas, onDisk, ms }: Acknowledgement,
): Promise<void> {
  const waited = onDisk ? ['WAITAOF', '1'] : ['WAIT'];
  const words = [...waited, `${replicas}`, `${ms}`];
  const answer = await (async () => sendCommand(client, key, words))().catch(notKnown);
  // WAITAOF counts the master itself first.
  const [byMaster, byReplicas] = Array.isArray(answer) ? answer.map(Number) : [1, Number(answer)];
  if ((byMaster ?? 0) >= 1 && (byReplicas ?? 0) >= replicas) return;
  notKnown(`${byReplicas} of ${replicas} replicas acknowledged it within ${ms} ms`);
}

function notKnown(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new StoreError(
    'MCP_TLS_STORE_OUTCOME_UNKNOWN',
    `Redis has the write, and a failover may lose it: ${why}. Write again when the replicas are back`,
    cause instanceof Error ? { cause } : {},
  );
}
