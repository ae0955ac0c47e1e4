import { Bag } from '../../bag.js';
import type { FactoryStats } from '../../client/pools.js';
import { DEFAULT_TIMEOUTS, readTimeouts, type Timeouts } from '../../client/timeouts.js';
import { RegistryError, StoreError, TlsConfigError } from '../../errors.js';
import type { CertificateStore } from '../../store/certificate-store.js';
import type { CheckedServerTrust } from '../../store/record/server-trust.js';
import type { Generation, GenerationOptions, Holder } from './generation.js';
import { CHANGED, ServerConnections } from './server-connections.js';
import { makeTrustReader, type TrustReader } from './trust-reader.js';

/** What a registry has open at one moment. */
export interface RegistryConnectionStats extends FactoryStats {
  readonly servers: number;
}

export interface ConnectionLimits {
  /** How many servers may have connections. */
  readonly maxPools: number;
  /** 0: no limit. */
  readonly idleMs: number;
}

/** Between two looks at the records of what is open, where the store does not say how old its answers get. */
const LOOK_MS = 30_000;

/** Not more often than this, for stores without a cache. */
const SHORTEST_LOOK_MS = 250;

/** Where the store answers from memory until its answer is too old, and then asks anew. */
const MEMORY_LOOK_MS = 500;

/** How late the end of an approval may be noticed. */
const EXPIRY_MS = 500;

const REVOKED = 'this server was revoked';
const EXPIRED = 'the approval of this server expired';
const UNREADABLE = 'the record of this server could not be read';
const CLOSED = 'the server registry was closed';

/** The connections of all servers of a registry: made on first use, bounded in number and time. */
export class RegistryConnections {
  readonly #options: GenerationOptions;
  readonly #limits: ConnectionLimits;
  readonly #read: TrustReader;
  readonly #unsubscribe: () => void;
  /** By id, least recently used first. None of them is empty for longer than a step. */
  readonly #servers = new Map<string, ServerConnections>();
  /** Used last, of those. */
  #latest: string | undefined;
  /** Reads under way: what was read while the record changed says nothing about the time after. */
  readonly #reads = new Bag<{ readonly id: string; isStale: boolean }>();
  /** Those that are being looked at. */
  readonly #looking = new Set<string>();
  #closed = false;
  /** How often whatever was taken from the store is looked at there, in ms. */
  readonly lookMs: number;
  #stepping: NodeJS.Timeout | undefined;
  #lookedAt = 0;

  constructor(store: CertificateStore, options: GenerationOptions, limits: ConnectionLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#read = makeTrustReader(store);
    const ttlMs = store.ttlMs ?? LOOK_MS;
    const wanted = store.trust === undefined ? ttlMs : Math.min(ttlMs, MEMORY_LOOK_MS);
    this.lookMs = Math.max(SHORTEST_LOOK_MS, wanted);
    this.#unsubscribe =
      store.onChange?.((id) => {
        const reading = this.#reads.items.map((read) => read.id);
        const all = new Set([...this.#servers.keys(), ...reading]);
        for (const one of id === undefined ? all : [id]) void this.refresh(one);
      }) ?? (() => {});
  }

  get timeouts(): Timeouts {
    return readTimeouts(this.#options.timeout, DEFAULT_TIMEOUTS);
  }

  /** The trust on record. @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  async trust(id: string): Promise<CheckedServerTrust> {
    this.assertOpen();
    const trust = await this.#read(id);
    this.assertOpen();
    return trust;
  }

  /**
   * The connections under the trust that the record holds at this moment, kept from being idle until they
   * are released. `holder` keeps them for longer, until {@link releaseHolder}.
   */
  async acquire(id: string, holder?: Holder): Promise<Generation> {
    try {
      return await this.#withTrust(id, (trust) => this.#use(id, trust, holder));
    } catch (error) {
      // What there is no trust in any more does not outlive the answer.
      const reason = reasonOf(error);
      if (FINAL.has(reason)) await this.#end(id, reason);
      throw error;
    }
  }

  #use(id: string, trust: CheckedServerTrust, holder: Holder | undefined): Generation {
    const now = performance.now();
    const server = this.#servers.get(id) ?? new ServerConnections(id, this.#options);
    const generation = server.under(trust, now);
    if (this.#latest !== id || !this.#servers.has(id)) {
      this.#servers.delete(id);
      this.#servers.set(id, server);
      this.#latest = id;
    }
    generation.active++;
    generation.lastUsed = now;
    if (holder !== undefined) generation.holders.add(holder);
    this.#evict();
    this.#beginSteps(now);
    return generation;
  }

  release(generation: Generation): void {
    generation.active--;
    generation.lastUsed = performance.now();
  }

  releaseHolder(id: string, holder: Holder): void {
    this.#servers.get(id)?.releaseHolder(holder, performance.now());
  }

  /** The record may have changed: ends what it does not cover any more. Resolves when that has ended. */
  async refresh(id: string): Promise<void> {
    this.#changed(id);
    await this.#judge(id);
  }

  /**
   * One look at what is open. It says nothing about readings that are under way: in a store that answers
   * more slowly than is looked, they would never be good enough.
   */
  async #look(id: string): Promise<void> {
    if (this.#looking.has(id)) return;
    this.#looking.add(id);
    await this.#judge(id).finally(() => this.#looking.delete(id));
  }

  async #judge(id: string): Promise<void> {
    const server = this.#servers.get(id);
    if (server === undefined) return;
    try {
      await this.#withTrust(id, (trust) => server.trustIs(trust));
      this.#forgetIfEmpty(id);
    } catch (error) {
      // Where nothing ended it, whether it may be used is not known now: the next request finds out.
      await this.#end(id, reasonOf(error));
    }
  }

  /** Ends the connections of a server for good. */
  async revoked(id: string): Promise<void> {
    this.#changed(id);
    await this.#end(id, REVOKED);
  }

  stats(): RegistryConnectionStats {
    const each = [...this.#servers.values()].flatMap((server) => server.stats());
    const sum = (field: keyof FactoryStats): number =>
      each.reduce((total, one) => total + one[field], 0);
    return {
      servers: this.#servers.size,
      pools: sum('pools'),
      connections: sum('connections'),
      idle: sum('idle'),
      requests: sum('requests'),
      waiting: sum('waiting'),
    };
  }

  /** @param graceMs for requests under way; new ones are refused at once */
  async close(graceMs = 0): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await Promise.all([...this.#servers.keys()].map((id) => this.#end(id, CLOSED, graceMs)));
  }

  /**
   * Uses the trust on record while it is what the record holds: read again if the record changed
   * meanwhile, whatever came of the reading, and handed to `use` with nothing awaited between.
   */
  async #withTrust<T>(id: string, use: (trust: CheckedServerTrust) => T | Promise<T>): Promise<T> {
    const read = { id, isStale: false };
    const place = this.#reads.add(read);
    let failures = 0;
    try {
      for (;;) {
        read.isStale = false;
        const answer = await this.trust(id).then(
          (trust) => ({ trust }),
          (error: unknown) => ({ error }),
        );
        // A store that fails, and says of each failure that something has changed, is not asked for ever.
        if ('error' in answer && (!read.isStale || ++failures > 1)) throw answer.error;
        if (!read.isStale && 'trust' in answer) return await use(answer.trust);
      }
    } finally {
      this.#reads.delete(place);
    }
  }

  #changed(id: string): void {
    for (const read of this.#reads.items) if (read.id === id) read.isStale = true;
  }

  /** Over the limit, the least recently used goes: of those that nothing uses, if there are any. */
  #evict(): void {
    const { maxPools } = this.#limits;
    while (this.#servers.size > maxPools) {
      const ids = [...this.#servers.keys()].slice(0, -1);
      const victim = ids.find((id) => this.#servers.get(id)?.isFree) ?? (ids[0] as string);
      void this.#end(victim, `more than ${maxPools} servers are in use (maxPools)`);
    }
  }

  #beginSteps(now: number): void {
    if (this.#stepping !== undefined) return;
    this.#lookedAt = now;
    const { idleMs } = this.#limits;
    const idleStep = idleMs > 0 ? Math.max(10, idleMs / 4) : EXPIRY_MS;
    const every = Math.min(this.lookMs, idleStep, EXPIRY_MS);
    this.#stepping = setInterval(() => this.#step(performance.now(), Date.now()), every).unref();
  }

  /**
   * What is idle ends. What is open is looked at while it is open: an answer that streams asks for nothing
   * again, and is not counted among the requests under way.
   */
  #step(now: number, wallClock: number): void {
    const { idleMs } = this.#limits;
    const isLook = now - this.#lookedAt >= this.lookMs;
    if (isLook) this.#lookedAt = now;
    for (const [id, server] of this.#servers) {
      if (idleMs > 0) void server.endIdle(now - idleMs, `idle for ${idleMs} ms (idleMs)`);
      this.#forgetIfEmpty(id);
      if (isLook || server.hasExpired(wallClock)) void this.#look(id);
    }
  }

  async #end(id: string, why: string, graceMs = 0): Promise<void> {
    const server = this.#servers.get(id);
    const ended = server?.end(why, this.#closed || FINAL.has(why), graceMs);
    this.#forgetIfEmpty(id);
    await ended;
  }

  #forgetIfEmpty(id: string): void {
    if (this.#servers.get(id)?.isEmpty) this.#servers.delete(id);
    if (this.#servers.size > 0) return;
    clearInterval(this.#stepping);
    this.#stepping = undefined;
  }

  /** @throws {TlsConfigError} `MCP_TLS_CLOSED` */
  assertOpen(): void {
    if (this.#closed) throw new TlsConfigError('MCP_TLS_CLOSED', CLOSED);
  }
}

/** After these nothing goes on; after the others, the next request finds out. */
const FINAL: ReadonlySet<string> = new Set([REVOKED, EXPIRED]);

function reasonOf(error: unknown): string {
  if (error instanceof RegistryError) return REVOKED;
  if (!(error instanceof StoreError)) return CHANGED;
  return error.code === 'MCP_TLS_STORE_EXPIRED' ? EXPIRED : UNREADABLE;
}
