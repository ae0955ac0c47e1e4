import {
  type CustomClientFactory,
  makeCustomClientFactory,
} from '../client/make-custom-client-factory.js';
import type { TimeoutInput } from '../client/timeouts.js';
import type { RouteOptions } from '../connect/route.js';
import { RegistryError, TlsConfigError } from '../errors.js';
import type { CertificateStore } from '../store/certificate-store.js';
import { isStoreError } from '../store/is-store-error.js';
import { trustPolicyOf } from '../store/trust-policy-of.js';
import { type KnownServer, knownServer } from './known-server.js';
import { onStoreChange } from './store-parts.js';

/** The connections of one server under one trust. */
export interface ServerPool {
  readonly origin: string;
  readonly factory: CustomClientFactory;
  /** Set when the pool was closed: why whatever ran through it broke off. */
  readonly ended: string | undefined;
}

/** What goes on using a pool beyond its requests, and is told when that comes to an end. */
export interface PoolHolder {
  /** `final`: there will not be another pool. */
  ended(why: string, final: boolean): void;
}

/** The pools of a registry, by id: made on first use, one a server, bounded. */
export interface ServerPools {
  /** The record of a server. @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  known(id: string): Promise<KnownServer>;
  /**
   * The pool for the trust that the record holds at this moment, kept from being idle until it is
   * released. `holder` keeps it for longer, until {@link letGo}.
   */
  acquire(id: string, holder?: PoolHolder): Promise<ServerPool>;
  release(pool: ServerPool): void;
  letGo(id: string, holder: PoolHolder): void;
  /** Closes the pool of `id` unless it still is what the record says. */
  refresh(id: string): Promise<void>;
  /** Closes the pool of `id`. */
  drop(id: string, why: string): Promise<void>;
  readonly size: number;
  close(): Promise<void>;
}

export interface ServerPoolsOptions {
  readonly store: CertificateStore;
  readonly route: RouteOptions;
  readonly timeout: TimeoutInput | undefined;
  readonly maxPools: number;
  /** 0: no limit. */
  readonly idleMs: number;
}

interface Pool extends ServerPool {
  record: KnownServer['record'];
  readonly key: string;
  ended: string | undefined;
  active: number;
  readonly holders: Set<PoolHolder>;
  lastUsed: number;
}

const CHANGED = 'the trust in this server was changed';
const REVOKED = 'this server was revoked';

/** Makes the (empty) pools of a registry. */
export function makeServerPools(options: ServerPoolsOptions): ServerPools {
  const { store, maxPools, idleMs } = options;
  /** Least recently used first. */
  const pools = new Map<string, Pool>();
  /** Those that a wider trust has followed: what runs through them goes on, nothing new begins there. */
  const retired = new Map<string, Set<Pool>>();
  /** Counts changes: what was read before one says nothing about the time after it. */
  let epoch = 0;
  let closed = false;
  let sweeping: NodeJS.Timeout | undefined;
  const unsubscribe = onStoreChange(store, (id) => {
    epoch++;
    const all = new Set([...pools.keys(), ...retired.keys()]);
    for (const one of id === undefined ? all : [id]) void refresh(one);
  });

  async function known(id: string): Promise<KnownServer> {
    assertOpen();
    const record = await store.get(id);
    assertOpen();
    if (record !== undefined) return knownServer(id, record);
    throw new RegistryError('MCP_TLS_NOT_REGISTERED', `no server '${id}' is registered`, id);
  }

  /** As {@link known}; and a pool for which there is no trust any more does not outlive the answer. */
  async function current(id: string): Promise<KnownServer> {
    try {
      return await known(id);
    } catch (error) {
      if (endsTrust(error)) await drop(id, REVOKED);
      throw error;
    }
  }

  async function acquire(id: string, holder?: PoolHolder): Promise<ServerPool> {
    let [before, server] = [epoch, await current(id)];
    // What was read while something changed may be what was true before.
    while (before !== epoch) [before, server] = [epoch, await current(id)];
    // From here to `active++` nothing is awaited: no change and no eviction can come between.
    const { record } = server;
    const pool = matching(id, record) ?? makePool(record);
    pools.delete(id);
    pools.set(id, pool);
    pool.active++;
    pool.lastUsed = performance.now();
    if (holder !== undefined) pool.holders.add(holder);
    evict();
    if (idleMs > 0) sweeping ??= setInterval(sweep, Math.max(10, idleMs / 4)).unref();
    return pool;
  }

  function matching(id: string, record: KnownServer['record']): Pool | undefined {
    const pool = pools.get(id);
    if (!poolsOf(id).every((one) => isCovered(one, record))) {
      void drop(id, CHANGED);
      return undefined;
    }
    if (pool === undefined || pool.record === record) return pool;
    if (pool.key === keyOf(record)) {
      pool.record = record;
      return pool;
    }
    pools.delete(id);
    retired.set(id, (retired.get(id) ?? new Set()).add(pool));
    return undefined;
  }

  function poolsOf(id: string): readonly Pool[] {
    const pool = pools.get(id);
    return [...(pool === undefined ? [] : [pool]), ...(retired.get(id) ?? [])];
  }

  function makePool(record: KnownServer['record']): Pool {
    const factory = makeCustomClientFactory(trustPolicyOf(record), {
      ...options.route,
      timeout: options.timeout,
    });
    return {
      origin: new URL(record.url).origin,
      factory,
      record,
      key: keyOf(record),
      ended: undefined,
      active: 0,
      holders: new Set(),
      lastUsed: performance.now(),
    };
  }

  /** Over the limit, the least recently used goes: of those that nothing uses, if there are any. */
  function evict(): void {
    while (pools.size > maxPools) {
      const ids = [...pools.keys()].slice(0, -1);
      const victim = ids.find((id) => isFree(pools.get(id) as Pool)) ?? (ids[0] as string);
      void drop(victim, `more than ${maxPools} servers are in use (maxPools)`);
    }
  }

  function sweep(): void {
    const before = performance.now() - idleMs;
    for (const [id, pool] of pools) {
      if (isFree(pool) && pool.lastUsed <= before) void drop(id, `idle for ${idleMs} ms (idleMs)`);
    }
    for (const [id, some] of retired) {
      for (const pool of some) {
        if (!isFree(pool) || pool.lastUsed > before) continue;
        some.delete(pool);
        void end(pool, `idle for ${idleMs} ms (idleMs)`);
      }
      if (some.size === 0) retired.delete(id);
    }
  }

  async function refresh(id: string): Promise<void> {
    if (poolsOf(id).length === 0) return;
    try {
      let [before, server] = [epoch, await known(id)];
      while (before !== epoch) [before, server] = [epoch, await known(id)];
      // Waits for the end of the connections, which `matching` does not.
      if (poolsOf(id).every((one) => isCovered(one, server.record))) matching(id, server.record);
      else await drop(id, CHANGED);
    } catch (error) {
      // Where nothing ended it, whether it may be used is not known now: the next request finds out.
      await drop(id, endsTrust(error) ? REVOKED : CHANGED);
    }
  }

  async function drop(id: string, why: string): Promise<void> {
    const ending = poolsOf(id);
    pools.delete(id);
    retired.delete(id);
    if (pools.size === 0 && retired.size === 0) {
      clearInterval(sweeping);
      sweeping = undefined;
    }
    await Promise.all(ending.map((pool) => end(pool, why)));
  }

  async function end(pool: Pool, why: string): Promise<void> {
    pool.ended = why;
    for (const holder of pool.holders) holder.ended(why, closed || why === REVOKED);
    // A pool that could not be made (undici not loadable) has nothing to close either.
    await pool.factory.close().catch(() => {});
  }

  function assertOpen(): void {
    if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the server registry was closed');
  }

  return {
    known,
    acquire,
    release(given) {
      const pool = given as Pool;
      pool.active--;
      pool.lastUsed = performance.now();
    },
    letGo(id, holder) {
      for (const pool of poolsOf(id)) {
        if (pool.holders.delete(holder)) pool.lastUsed = performance.now();
      }
    },
    async refresh(id) {
      epoch++;
      await refresh(id);
    },
    async drop(id, why) {
      epoch++;
      await drop(id, why);
    },
    get size() {
      return pools.size;
    },
    async close() {
      closed = true;
      unsubscribe();
      const all = new Set([...pools.keys(), ...retired.keys()]);
      await Promise.all([...all].map((id) => drop(id, 'the server registry was closed')));
    },
  };
}

const isFree = ({ active, holders }: Pool): boolean => active === 0 && holders.size === 0;

/**
 * Whether connections of the pool are what the record trusts, too: it is the same trust, or one that has
 * only gained pins, as before an announced change of keys.
 */
function isCovered({ key, record: before }: Pool, record: KnownServer['record']): boolean {
  if (key === keyOf(record)) return true;
  if (before.identity !== 'pin' || record.identity !== 'pin') return false;
  const { pins: old = [] } = before;
  const { pins = [] } = record;
  return keyOf({ ...record, pins: old }) === key && old.every((pin) => pins.includes(pin));
}

/** What connections depend on. Who approved, and until when, they do not. */
function keyOf(record: KnownServer['record']): string {
  return JSON.stringify([new URL(record.url).origin, trustPolicyOf(record)]);
}

function endsTrust(error: unknown): boolean {
  if (isStoreError(error)) return error.code === 'MCP_TLS_STORE_EXPIRED';
  return error instanceof RegistryError;
}
