import { RegistryError, TlsConfigError } from '../../errors.js';
import type { CertificateStore } from '../../store/certificate-store.js';
import { isStoreError } from '../../store/is-store-error.js';
import type { ServerTrust } from '../../store/record/server-trust.js';
import type { Generation, GenerationOptions, Holder } from './generation.js';
import { ServerConnections } from './server-connections.js';
import { makeTrustReader, type TrustReader } from './trust-reader.js';

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

/** How late the end of an approval may be noticed. */
const EXPIRY_MS = 500;

const CHANGED = 'the trust in this server was changed';
const REVOKED = 'this server was revoked';
const CLOSED = 'the server registry was closed';

/** The connections of all servers of a registry: made on first use, bounded in number and time. */
export class RegistryConnections {
  readonly #options: GenerationOptions;
  readonly #limits: ConnectionLimits;
  readonly #read: TrustReader;
  readonly #unsubscribe: () => void;
  /** By id, least recently used first. None of them is empty for longer than a step. */
  readonly #servers = new Map<string, ServerConnections>();
  /** Counts changes: what was read before one says nothing about the time after it. */
  #epoch = 0;
  #closed = false;
  readonly #lookMs: number;
  #stepping: NodeJS.Timeout | undefined;
  #lookedAt = 0;

  constructor(store: CertificateStore, options: GenerationOptions, limits: ConnectionLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#read = makeTrustReader(store);
    this.#lookMs = Math.max(SHORTEST_LOOK_MS, store.ttlMs ?? LOOK_MS);
    this.#unsubscribe =
      store.onChange?.((id) => {
        for (const one of id === undefined ? [...this.#servers.keys()] : [id])
          void this.refresh(one);
      }) ?? (() => {});
  }

  /** The trust on record. @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  async trust(id: string): Promise<ServerTrust> {
    this.#assertOpen();
    const trust = await this.#read(id);
    this.#assertOpen();
    return trust;
  }

  /**
   * The connections under the trust that the record holds at this moment, kept from being idle until they
   * are released. `holder` keeps them for longer, until {@link letGo}.
   */
  async acquire(id: string, holder?: Holder): Promise<Generation> {
    const trust = await this.#current(id);
    // From here to `active++` nothing is awaited: no change and no eviction can come between.
    const now = performance.now();
    const server = this.#servers.get(id) ?? new ServerConnections(this.#options);
    const generation = server.under(trust, now);
    this.#servers.delete(id);
    this.#servers.set(id, server);
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

  letGo(id: string, holder: Holder): void {
    this.#servers.get(id)?.letGo(holder, performance.now());
  }

  /** Ends what the record does not cover any more. Resolves when that has ended. */
  async refresh(id: string): Promise<void> {
    this.#epoch++;
    const server = this.#servers.get(id);
    if (server === undefined) return;
    try {
      await server.trustIs(await this.#settled(id));
      this.#forgetIfEmpty(id);
    } catch (error) {
      // Where nothing ended it, whether it may be used is not known now: the next request finds out.
      await this.#end(id, endsTrust(error) ? REVOKED : CHANGED);
    }
  }

  /** Ends the connections of a server for good. */
  async revoked(id: string): Promise<void> {
    this.#epoch++;
    await this.#end(id, REVOKED);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await Promise.all([...this.#servers.keys()].map((id) => this.#end(id, CLOSED)));
  }

  /** As {@link trust}; and what there is no trust in any more does not outlive the answer. */
  async #current(id: string): Promise<ServerTrust> {
    try {
      return await this.#settled(id);
    } catch (error) {
      if (endsTrust(error)) await this.#end(id, REVOKED);
      throw error;
    }
  }

  /** What was read while something changed may be what was true before: it is read again. */
  async #settled(id: string): Promise<ServerTrust> {
    for (;;) {
      const before = this.#epoch;
      const trust = await this.trust(id);
      if (before === this.#epoch) return trust;
    }
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
    const every = Math.min(this.#lookMs, idleStep, EXPIRY_MS);
    this.#stepping = setInterval(() => this.#step(performance.now(), Date.now()), every).unref();
  }

  /**
   * What is idle ends. What is open is looked at while it is open: an answer that streams asks for nothing
   * again, and is not counted among the requests under way.
   */
  #step(now: number, wallClock: number): void {
    const { idleMs } = this.#limits;
    const isLook = now - this.#lookedAt >= this.#lookMs;
    if (isLook) this.#lookedAt = now;
    for (const [id, server] of this.#servers) {
      if (idleMs > 0) void server.endIdle(now - idleMs, `idle for ${idleMs} ms (idleMs)`);
      this.#forgetIfEmpty(id);
      if (isLook || server.hasExpired(wallClock)) void this.refresh(id);
    }
  }

  async #end(id: string, why: string): Promise<void> {
    const server = this.#servers.get(id);
    const ended = server?.end(why, this.#closed || why === REVOKED);
    this.#forgetIfEmpty(id);
    await ended;
  }

  #forgetIfEmpty(id: string): void {
    if (this.#servers.get(id)?.isEmpty) this.#servers.delete(id);
    if (this.#servers.size > 0) return;
    clearInterval(this.#stepping);
    this.#stepping = undefined;
  }

  #assertOpen(): void {
    if (this.#closed) throw new TlsConfigError('MCP_TLS_CLOSED', CLOSED);
  }
}

function endsTrust(error: unknown): boolean {
  if (isStoreError(error)) return error.code === 'MCP_TLS_STORE_EXPIRED';
  return error instanceof RegistryError;
}
