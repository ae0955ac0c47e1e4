import { type Connector, makeConnector } from '../connect/connector.js';
import type { Route } from '../connect/route.js';
import { publish } from '../diagnostics.js';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { type Connections, makeConnections } from './connections.js';
import { loadedUndici, loadUndici, type Undici } from './load-undici.js';

interface Pool {
  readonly policy: CheckedTrustPolicy;
  readonly connectTimeoutMs: number;
  readonly connector: Connector;
  readonly origins: Map<string, Connections>;
}

/**
 * The connections of one factory: a pool for each policy and connect timeout, made when first needed.
 * Until then it is next to nothing: a gateway has thousands of factories.
 */
export class Pools {
  readonly #routeFor: (policy: CheckedTrustPolicy) => Route;
  /** Nearly always one. */
  #pools: Pool[] | undefined;
  #closed = false;

  /** @param routeFor tells how to get to the servers of a policy */
  constructor(routeFor: (policy: CheckedTrustPolicy) => Route) {
    this.#routeFor = routeFor;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The connections to `origin`. A promise only until undici is loaded.
   *
   * @throws {TlsConfigError} `MCP_TLS_CLOSED`
   */
  get(
    policy: CheckedTrustPolicy,
    connectTimeoutMs: number,
    origin: string,
  ): Connections | Promise<Connections> {
    this.#assertOpen();
    const pool = this.#poolOf(policy, connectTimeoutMs);
    const undici = loadedUndici();
    if (undici !== undefined) return this.#connectionsOf(pool, origin, undici);
    return loadUndici().then((loaded) => this.#connectionsOf(pool, origin, loaded));
  }

  /** Ends every connection, those in use included. Final. */
  async close(): Promise<void> {
    this.#closed = true;
    const ending = this.#pools ?? [];
    this.#pools = undefined;
    await Promise.all(
      ending.map(async ({ policy, connector, origins }) => {
        publish('mcp-tls:pool-closed', () => summary(policy));
        connector.close();
        // Not close(): that waits for open streams, and an MCP GET stream never ends.
        await Promise.all([...origins.values()].map((connections) => connections.destroy()));
      }),
    );
  }

  #poolOf(policy: CheckedTrustPolicy, connectTimeoutMs: number): Pool {
    this.#pools ??= [];
    const present = this.#pools.find(
      (pool) => pool.policy === policy && pool.connectTimeoutMs === connectTimeoutMs,
    );
    if (present !== undefined) return present;
    const route = this.#routeFor(policy);
    const connector = makeConnector({ policy, route, timeoutMs: connectTimeoutMs });
    publish('mcp-tls:pool-opened', () => summary(policy));
    const made = { policy, connectTimeoutMs, connector, origins: new Map<string, Connections>() };
    this.#pools.push(made);
    return made;
  }

  #connectionsOf({ connector, origins }: Pool, origin: string, undici: Undici): Connections {
    this.#assertOpen();
    const present = origins.get(origin);
    if (present !== undefined) return present;
    const made = makeConnections(undici, origin, connector);
    origins.set(origin, made);
    return made;
  }

  #assertOpen(): void {
    if (this.#closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
  }
}

function summary({ anchors, pins }: CheckedTrustPolicy): { anchors: number; pins: number } {
  return { anchors: anchors.length, pins: pins.length };
}
