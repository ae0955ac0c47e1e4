import { setTimeout as sleep } from 'node:timers/promises';
import { NotWrittenError } from '../store/store-backend.js';
import type { RedisClientLike } from './redis-client-like.js';

const POLL_MS = 20;
/** Whoever waits has a deadline of his own; this only ends what nobody waits for any more. */
const GIVE_UP_MS = 30_000;

/**
 * Connects a client when it is first needed, and reports when it takes commands. Any number of callers
 * share one `connect()` and wait for one outcome.
 *
 * Clients say in different ways that they are ready: a single one by `isReady`, and it does not settle
 * `connect()` while its server is down; a sentinel by `isReady` alone; a cluster, which is open while it
 * still asks which node has what, by its `slots`.
 *
 * @returns waits; rejects with a {@link NotWrittenError} at the next failure to connect
 */
export function makeReadiness(client: RedisClientLike): () => Promise<void> {
  let waiting: Promise<void> | undefined;
  return async () => {
    if (isReady(client)) return;
    waiting ??= untilReady(client).finally(() => {
      waiting = undefined;
    });
    await waiting;
  };
}

/** No cluster, which has slots, and no sentinel, which cannot be duplicated. */
export function isSingle({ slots, duplicate }: RedisClientLike): boolean {
  return slots === undefined && duplicate !== undefined;
}

function isReady(client: RedisClientLike): boolean {
  if (client.slots !== undefined) return client.isOpen && client.slots.some(Boolean);
  return client.isReady ?? client.isOpen;
}

async function untilReady(client: RedisClientLike): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
  };
  // Clusters and sentinels report each of their nodes that is down, and go on with the others.
  const single = isSingle(client);
  if (single) client.on('error', fail);
  try {
    // Its result is not waited for: see above.
    if (!client.isOpen) client.connect().catch(fail);
    const giveUp = performance.now() + GIVE_UP_MS;
    let wasOpen = false;
    while (!isReady(client)) {
      // Closed meanwhile: then connect() may never settle.
      if (single && wasOpen && !client.isOpen) throw new NotWrittenError('unreachable', 'closed');
      wasOpen ||= client.isOpen;
      if (failure !== undefined) throw new NotWrittenError('unreachable', failure.error);
      if (performance.now() > giveUp) throw new NotWrittenError('unreachable', 'no connection');
      await sleep(POLL_MS);
    }
  } finally {
    if (single) client.off('error', fail);
  }
}
