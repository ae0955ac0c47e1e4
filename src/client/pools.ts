import { Bag } from '../bag.js';
import { addressOf } from '../connect/address-of.js';
import { type Connector, makeConnector } from '../connect/connector.js';
import type { Route } from '../connect/route.js';
import { aboutConnection, type PoolMessage, publish } from '../diagnostics.js';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { type ConnectionStats, Connections } from './connections.js';
import type { Undici } from './load-undici.js';

/** Whom to trust, and how to get there. Each is identified by its object: that of a server is its own. */
export interface Destination {
  /** Of this moment: {@link Pools.renew} follows it. */
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
  /** Origins that are neither the server's nor listed: only a peer named them. */
  readonly unlisted?: 'public addresses' | 'anywhere' | 'refused';
  /** The server of a client, where other origins are listed: its authorization server is one of those. */
  readonly givesNoTokens?: boolean | undefined;
}

/** What a factory has open at one moment: counts. */
export interface FactoryStats extends ConnectionStats {
  /** Origins with connections, under each policy. */
  readonly pools: number;
  /**
   * Requests under way, until the end of their answers. Standing event streams (a GET that asks for one), which
   * never end, are not among them.
   */
  readonly requests: number;
}

interface Pool {
  readonly destination: Destination;
  readonly connectTimeoutMs: number;
  connector: Connector;
  readonly origins: Map<string, Connections>;
}

/**
 * The connections of one factory: a pool for each destination and connect timeout, made when first needed.
 * Until then it is next to nothing: a gateway has thousands of factories.
 */
export class Pools {
  /** Nearly always one. */
  #pools: Pool[] | undefined;
  readonly #maxConnections: number;
  /** Of the registered server that they are for, to be reported. */
  readonly id: string | undefined;
  #closed = false;
  #closing = false;
  /** Requests that wait for an answer of the host application's own, such as a token. */
  readonly waiting: Bag<{ abort(): void }> = new Bag();
  /** Requests under way that come to an end of themselves. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  /** @param maxConnections to each origin */
  constructor(maxConnections: number, id?: string) {
    this.#maxConnections = maxConnections;
    this.id = id;
  }

  /** Whether all has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether nothing new is taken. */
  get closing(): boolean {
    return this.#closing;
  }

  /** How many origins have connections, or are about to. */
  get origins(): number {
    return (this.#pools ?? []).reduce((sum, { origins }) => sum + origins.size, 0);
  }

  /**
   * The connections to `origin`. To be used at once: those that have none, and for which nobody waits, are
   * forgotten.
   *
   * @throws {TlsConfigError} `MCP_TLS_CLOSED`
   */
  get(
    destination: Destination,
    connectTimeoutMs: number,
    origin: string,
    undici: Undici,
  ): Connections {
    if (this.#closed) throw closed();
    return this.#connectionsOf(this.#poolOf(destination, connectTimeoutMs), origin, undici);
  }

  /**
   * Counts a request as under way, from its very start, until what it returns is called.
   *
   * @throws {TlsConfigError} `MCP_TLS_CLOSED` if nothing new is taken
   */
  begin(): () => void {
    if (this.#closing) throw closed();
    this.#underWay++;
    let done = false;
    return () => {
      if (done) return;
      done = true;
      if (--this.#underWay === 0) this.#onIdle?.();
    };
  }

  /**
   * The policy of a destination has changed. New connections are made under it, those that are being made too;
   * what is open is not used for new requests.
   *
   * @param keeps whether all that was trusted before is trusted still: what is open may come to its end then
   */
  renew(destination: Destination, keeps: boolean): void {
    const ended = keeps ? undefined : changed();
    for (const pool of this.#pools ?? []) {
      if (pool.destination !== destination) continue;
      const before = pool.connector;
      pool.connector = this.#makeConnector(destination, pool.connectTimeoutMs);
      for (const one of [...pool.origins.values()]) one.renew(pool.connector, ended);
      before.close();
    }
  }

  stats(): FactoryStats {
    const kept = (this.#pools ?? []).flatMap(({ origins }) => [...origins.values()]);
    // One that a request took and never used is not open.
    const all = kept.filter((one) => !one.isEmpty);
    const each = all.map((connections) => connections.stats());
    const sum = (field: keyof ConnectionStats): number =>
      each.reduce((total, one) => total + one[field], 0);
    return Object.freeze({
      pools: each.length,
      connections: sum('connections'),
      idle: sum('idle'),
      requests: this.#underWay,
      waiting: sum('waiting'),
    });
  }

  /** Takes nothing new, gives what is under way `graceMs` to end, and ends every connection. Final. */
  async close(graceMs = 0): Promise<void> {
    this.#closing = true;
    if (graceMs > 0 && this.#underWay > 0 && !this.#closed) await this.#idle(graceMs);
    this.#onIdle?.();
    this.#closed = true;
    for (const one of this.waiting.items) one.abort();
    const ending = this.#pools ?? [];
    this.#pools = undefined;
    await Promise.all(
      ending.map(async ({ destination, connector, origins }) => {
        const all = [...origins];
        // Forgotten before they are empty: each is reported once.
        origins.clear();
        for (const [origin] of all) {
          publish('mcp-tls:pool-closed', () => this.#about(destination, origin));
        }
        connector.close();
        // Not close(): that waits for open streams, and an MCP GET stream never ends.
        await Promise.all(all.map(([, connections]) => connections.destroy()));
      }),
    );
  }

  /** Until nothing is under way, the time is over, or somebody closes without waiting. */
  #idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#onIdle;
      const timer = setTimeout(() => this.#onIdle?.(), ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        before?.();
        resolve();
      };
    });
  }

  #poolOf(destination: Destination, connectTimeoutMs: number): Pool {
    this.#pools ??= [];
    const present = this.#pools.find(
      (pool) => pool.destination === destination && pool.connectTimeoutMs === connectTimeoutMs,
    );
    if (present !== undefined) return present;
    const connector = this.#makeConnector(destination, connectTimeoutMs);
    const origins = new Map<string, Connections>();
    const made = { destination, connectTimeoutMs, connector, origins };
    this.#pools.push(made);
    return made;
  }

  #makeConnector({ policy, route }: Destination, timeoutMs: number): Connector {
    return makeConnector({ policy, route, timeoutMs, id: this.id });
  }

  #connectionsOf(pool: Pool, origin: string, undici: Undici): Connections {
    const { destination, connector, origins } = pool;
    const present = origins.get(origin);
    if (present !== undefined) return present;
    // Of requests that ended before they took one.
    if (origins.size >= SWEEP_AT) this.#sweep(pool);
    const onEmpty = (): void => {
      if (origins.get(origin) === made) this.#forget(pool, origin);
    };
    const max = this.#maxConnections;
    const made = new Connections({ undici, origin, connector, max, onEmpty });
    origins.set(origin, made);
    publish('mcp-tls:pool-opened', () => this.#about(destination, origin));
    return made;
  }

  #sweep(pool: Pool): void {
    for (const [origin, one] of pool.origins) if (one.isEmpty) this.#forget(pool, origin);
  }

  #forget({ destination, origins }: Pool, origin: string): void {
    origins.delete(origin);
    publish('mcp-tls:pool-closed', () => this.#about(destination, origin));
  }

  #about({ policy }: Destination, origin: string): PoolMessage {
    const { anchors, pins } = policy;
    const about = aboutConnection(this.id, addressOf(new URL(origin)));
    return { ...about, anchors: anchors.length, pins: pins.length };
  }
}

/** Origins of one policy, most of which a peer named. */
const SWEEP_AT = 64;

function changed(): TlsConfigError {
  const message = 'the connection was ended: the trust in the server was changed';
  return new TlsConfigError('MCP_TLS_CLOSED', message);
}

function closed(): TlsConfigError {
  return new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
}
