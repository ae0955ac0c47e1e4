import { invalidArgument } from '../assert.js';
import { NotWrittenError } from '../store/store-backend.js';
import type { TrustInput } from '../trust/trust-policy.js';
import { makeReadiness } from './readiness.js';
import type { RedisClientLike } from './redis-client-like.js';
import { type RedisTlsOptions, redisTls } from './redis-tls.js';
import { RenewingCluster } from './renewing-cluster.js';

/** Clients made when they are needed. */
export interface RedisConnection {
  /** A client that takes commands. @throws {NotWrittenError} if there is none to be had */
  ready(): Promise<RedisClientLike>;
  /**
   * Lends a connection that nobody waits for who only reads, and on which one command follows the other.
   *
   * @throws {NotWrittenError} if there is none to be had
   */
  lend<T>(task: (client: RedisClientLike) => Promise<T>): Promise<T>;
  /** Something to subscribe with: a client of its own, not connected yet, where there can be one. */
  subscriber(): Promise<RedisSubscriber>;
  close(): Promise<void>;
}

export interface RedisSubscriber {
  connect(): Promise<void>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  /** Calls `listener` whenever a client of its own has connected. */
  onReady(listener: () => void): void;
  /** Ends the subscriptions, and the connection if it is for them alone. */
  release(): void;
}

export function makeRedisConnection(
  connect: string | RedisClientLike,
  connectTimeoutMs: number,
  trust: TrustInput | undefined,
): RedisConnection {
  const own = typeof connect === 'string';
  if (own) assertUrl(connect);
  else if (typeof connect?.hmGet !== 'function' || typeof connect.publish !== 'function') {
    invalidArgument('connect must be a redis: URL or a client of node-redis 5');
  }
  if (!own && trust !== undefined) {
    invalidArgument('options.tls needs a URL: a client of your own has its TLS options already');
  }
  const tls = own && trust !== undefined ? redisTls(connect, trust) : undefined;
  /** How often it was closed: what was asked for before that must not open it again. */
  let closes = 0;
  let made: Promise<{ client: RedisClientLike; untilReady(): Promise<void> }> | undefined;
  let apart:
    | { client: RedisClientLike; copy: RedisClientLike; untilReady(): Promise<void> }
    | undefined;

  function main(): NonNullable<typeof made> {
    made ??= (async () => {
      const client = own ? await makeClient(connect, connectTimeoutMs, tls) : renewed(connect);
      return { client, untilReady: makeReadiness(client) };
    })();
    made.catch(() => {
      made = undefined;
    });
    return made;
  }

  function assertNotClosedSince(before: number): void {
    if (closes !== before) throw new NotWrittenError('unreachable', 'the connection was closed');
  }

  return {
    async ready() {
      const before = closes;
      const { client, untilReady } = await main().catch((error) => {
        throw new NotWrittenError('unreachable', error);
      });
      assertNotClosedSince(before);
      await untilReady();
      return client;
    },
    async lend(task) {
      const before = closes;
      const { client } = await main().catch((error) => {
        throw new NotWrittenError('unreachable', error);
      });
      assertNotClosedSince(before);
      if (client.duplicate === undefined) return lentBySentinel(client, this.ready, task);
      if (apart === undefined) {
        const copy = client.duplicate();
        copy.on('error', () => {});
        const lent = renewed(copy);
        apart = { client: lent, copy, untilReady: makeReadiness(lent) };
      }
      await apart.untilReady();
      return task(apart.client);
    },
    async subscriber() {
      const { client, untilReady } = await main();
      const copy = client.duplicate?.();
      return copy === undefined ? sharedSubscriber(client, untilReady) : ownSubscriber(copy);
    },
    async close() {
      closes++;
      if (apart?.client instanceof RenewingCluster) apart.client.destroy();
      if (apart?.copy.isOpen) apart.copy.destroy();
      const client = (await made)?.client;
      // Of a cluster that is the application's, its copies end.
      if (own || client instanceof RenewingCluster) client?.destroy();
    },
  };
}

/** A cluster client by which the death of a node is survived; others do it by themselves. */
function renewed(client: RedisClientLike): RedisClientLike {
  const isCluster = client.slots !== undefined && client.duplicate !== undefined;
  return isCluster ? new RenewingCluster(client) : client;
}

async function lentBySentinel<T>(
  client: RedisClientLike,
  ready: () => Promise<unknown>,
  task: (client: RedisClientLike) => Promise<T>,
): Promise<T> {
  await ready();
  const use = client.use as ((run: typeof task) => Promise<T>) | undefined;
  if (use === undefined) throw new Error('this client can lend no connection');
  return use.call(client, task);
}

function ownSubscriber(client: RedisClientLike): RedisSubscriber {
  client.on('error', () => {});
  return {
    connect: makeReadiness(client),
    async subscribe(channel, listener) {
      await client.subscribe(channel, listener);
    },
    onReady(listener) {
      client.on('ready', listener);
    },
    release() {
      if (client.isOpen) client.destroy();
    },
  };
}

type Unsubscribe = (channel: string, listener: (message: string) => void) => Promise<unknown>;

/** A sentinel has a connection for subscriptions inside, and looks after it. */
function sharedSubscriber(client: RedisClientLike, connect: () => Promise<void>): RedisSubscriber {
  const subscriptions = new Map<string, (message: string) => void>();
  return {
    connect,
    async subscribe(channel, listener) {
      subscriptions.set(channel, listener);
      await client.subscribe(channel, listener);
    },
    onReady() {},
    release() {
      for (const [channel, listener] of subscriptions) {
        // Of this listener alone: others may share the client.
        const unsubscribe = client.unsubscribe as Unsubscribe | undefined;
        unsubscribe?.call(client, channel, listener).catch(() => {});
      }
    },
  };
}

async function makeClient(
  url: string,
  connectTimeout: number,
  tls: RedisTlsOptions | undefined,
): Promise<RedisClientLike> {
  const { createClient } = await import('@keyv/redis');
  const client = createClient({
    url,
    // A command that waited for a connection would be applied long after its caller gave it up.
    disableOfflineQueue: true,
    socket: {
      // With the host of the URL, which node-redis adds.
      ...(tls as object | undefined),
      connectTimeout,
      reconnectStrategy: (attempts: number) =>
        Math.min(2 ** attempts * 50, 1_000) + Math.random() * 50,
    },
  }) as unknown as RedisClientLike;
  // Without a listener, a lost connection ends the process.
  client.on('error', () => {});
  return client;
}

function assertUrl(url: string): void {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    // Without the URL: it may hold a password.
    invalidArgument('connect must be a redis: or rediss: URL');
  }
}
