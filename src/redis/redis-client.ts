import { invalidArgument } from '../assert.js';
import { NotWrittenError } from '../store/store-backend.js';

/** What is used of a client, cluster or sentinel of node-redis 5. */
export interface RedisClientLike {
  readonly isOpen: boolean;
  /** Clusters have none. */
  readonly isReady?: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  hmGet(key: string, fields: string[]): Promise<readonly (string | null)[]>;
  hKeys(key: string): Promise<readonly string[]>;
  hSet(key: string, field: string, value: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  /** Sentinels have none, and a connection for subscriptions inside. */
  duplicate?(): RedisClientLike;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Clients made when they are needed. */
export interface RedisConnection {
  /** A client that takes commands. @throws {NotWrittenError} if there is none to be had */
  ready(): Promise<RedisClientLike>;
  /** A client for a subscription: one of its own, not connected yet, where there can be one. */
  subscriber(): Promise<{ readonly client: RedisClientLike; readonly own: boolean }>;
  close(): Promise<void>;
}

export function makeRedisConnection(
  connect: string | RedisClientLike,
  connectTimeoutMs: number,
): RedisConnection {
  const own = typeof connect === 'string';
  if (own) assertUrl(connect);
  else if (typeof connect?.hmGet !== 'function' || typeof connect.publish !== 'function') {
    invalidArgument('connect must be a redis: URL or a client of node-redis 5');
  }
  let made: Promise<RedisClientLike> | undefined;

  function client(): Promise<RedisClientLike> {
    made ??= own ? makeClient(connect, connectTimeoutMs) : Promise.resolve(connect);
    return made;
  }

  return {
    async ready() {
      const one = await client().catch((error) => {
        made = undefined;
        throw new NotWrittenError('unreachable', error);
      });
      await untilReady(one);
      return one;
    },
    async subscriber() {
      const one = await client();
      const copy = one.duplicate?.();
      return { client: copy ?? one, own: copy !== undefined };
    },
    async close() {
      if (own && made !== undefined) (await made).destroy();
    },
  };
}

async function makeClient(url: string, connectTimeout: number): Promise<RedisClientLike> {
  const { createClient } = await import('@keyv/redis');
  const client = createClient({
    url,
    // A command that waited for a connection would be applied long after its caller gave it up.
    disableOfflineQueue: true,
    socket: {
      connectTimeout,
      reconnectStrategy: (attempts: number) =>
        Math.min(2 ** attempts * 50, 1_000) + Math.random() * 50,
    },
  }) as unknown as RedisClientLike;
  // Without a listener, a lost connection ends the process.
  client.on('error', () => {});
  return client;
}

/**
 * Waits for the connection, or for the next failure to make it: with a server that is down,
 * `connect()` itself neither resolves nor rejects. How long it takes is bounded by the caller.
 */
async function untilReady(client: RedisClientLike): Promise<void> {
  if (client.isReady === true || (client.isReady === undefined && client.isOpen)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (done: () => void) => {
      client.off('ready', onReady);
      client.off('error', onError);
      done();
    };
    const onReady = () => settle(resolve);
    const onError = (error: unknown) =>
      settle(() => reject(new NotWrittenError('unreachable', error)));
    client.on('ready', onReady);
    client.on('error', onError);
    if (!client.isOpen) client.connect().then(onReady, onError);
  });
}

function assertUrl(url: string): void {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    // Without the URL: it may hold a password.
    invalidArgument('connect must be a redis: or rediss: URL');
  }
}
