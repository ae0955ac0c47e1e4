import { type Connector, makeConnector } from '../connect/connector.js';
import type { Route } from '../connect/route.js';
import { publish } from '../diagnostics.js';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { Connections } from './connections.js';
import type { Undici } from './load-undici.js';

/** Whom to trust, and how to get there. Each is told by its object: that of a server is its own. */
export interface Destination {
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
  /** Origins that are neither the server's nor listed: only a peer named them. */
  readonly unlisted?: 'public addresses' | 'refused';
}

interface Pool {
  readonly destination: Destination;
  readonly connectTimeoutMs: number;
  readonly connector: Connector;
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
  #closed = false;
  #closing = false;
  /** Requests that wait for an answer of the host application's own, such as a token. */
  readonly waiting: Set<{ abort(): void }> = new Set();
  /** Requests under way that come to an end of themselves. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  /** @param maxConnections to each origin */
  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections;
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

  /** Takes nothing new, gives what is under way `graceMs` to end, and ends every connection. Final. */
  async close(graceMs = 0): Promise<void> {
    this.#closing = true;
    if (graceMs > 0 && this.#underWay > 0 && !this.#closed) await this.#idle(graceMs);
    this.#onIdle?.();
    this.#closed = true;
    for (const one of [...this.waiting]) one.abort();
    const ending = this.#pools ?? [];
    this.#pools = undefined;
    await Promise.all(
      ending.map(async ({ destination, connector, origins }) => {
        publish('mcp-tls:pool-closed', () => summary(destination));
        connector.close();
        // Not close(): that waits for open streams, and an MCP GET stream never ends.
        await Promise.all([...origins.values()].map((connections) => connections.destroy()));
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
    const connector = makeConnector({ ...destination, timeoutMs: connectTimeoutMs });
    publish('mcp-tls:pool-opened', () => summary(destination));
    const origins = new Map<string, Connections>();
    const made = { destination, connectTimeoutMs, connector, origins };
    this.#pools.push(made);
    return made;
  }

  #connectionsOf({ connector, origins }: Pool, origin: string, undici: Undici): Connections {
    const present = origins.get(origin);
    if (present !== undefined) return present;
    // Of requests that ended before they took one.
    if (origins.size >= SWEEP_AT) sweep(origins);
    const onEmpty = (): void => {
      if (origins.get(origin) === made) origins.delete(origin);
    };
    const max = this.#maxConnections;
    const made = new Connections({ undici, origin, connector, max, onEmpty });
    origins.set(origin, made);
    return made;
  }
}

/** Origins of one policy, most of which a peer named. */
const SWEEP_AT = 64;

function sweep(origins: Map<string, Connections>): void {
  for (const [origin, connections] of origins) if (connections.isEmpty) origins.delete(origin);
}

function closed(): TlsConfigError {
  return new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
}

function summary({ policy }: Destination): { anchors: number; pins: number } {
  const { anchors, pins } = policy;
  return { anchors: anchors.length, pins: pins.length };
}
