import { type Connector, makeConnector } from '../connect/connector.js';
import type { Route } from '../connect/route.js';
import { publish } from '../diagnostics.js';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { type Connections, makeConnections } from './connections.js';
import { loadedUndici, loadUndici, type Undici } from './load-undici.js';

/** The connections of one factory: a pool for each policy and connect timeout, made when first needed. */
export interface Pools {
  /**
   * The connections to `origin`. A promise only until undici is loaded.
   *
   * @throws {TlsConfigError} `MCP_TLS_CLOSED`
   */
  get(
    policy: CheckedTrustPolicy,
    connectTimeoutMs: number,
    origin: string,
  ): Connections | Promise<Connections>;
  /** Ends every connection, those in use included. Final. */
  close(): Promise<void>;
  readonly closed: boolean;
}

interface Pool {
  readonly policy: CheckedTrustPolicy;
  readonly connector: Connector;
  readonly origins: Map<string, Connections>;
}

/** Makes the (empty) pools of a factory. `routeFor` tells how to get to the servers of a policy. */
export function makePools(routeFor: (policy: CheckedTrustPolicy) => Route): Pools {
  const pools = new Map<CheckedTrustPolicy, Map<number, Pool>>();
  let closed = false;

  function poolOf(policy: CheckedTrustPolicy, connectTimeoutMs: number): Pool {
    const byTimeout = pools.get(policy) ?? new Map<number, Pool>();
    pools.set(policy, byTimeout);
    const present = byTimeout.get(connectTimeoutMs);
    if (present !== undefined) return present;
    const route = routeFor(policy);
    const connector = makeConnector({ policy, route, timeoutMs: connectTimeoutMs });
    publish('mcp-tls:pool-opened', () => summary(policy));
    const made = { policy, connector, origins: new Map<string, Connections>() };
    byTimeout.set(connectTimeoutMs, made);
    return made;
  }

  function connectionsOf({ connector, origins }: Pool, origin: string, undici: Undici) {
    assertOpen();
    const present = origins.get(origin);
    if (present !== undefined) return present;
    const made = makeConnections(undici, origin, connector);
    origins.set(origin, made);
    return made;
  }

  function assertOpen(): void {
    if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
  }

  return {
    get(policy, connectTimeoutMs, origin) {
      assertOpen();
      const pool = poolOf(policy, connectTimeoutMs);
      const undici = loadedUndici();
      if (undici !== undefined) return connectionsOf(pool, origin, undici);
      return loadUndici().then((loaded) => connectionsOf(pool, origin, loaded));
    },
    async close() {
      closed = true;
      const all = [...pools.values()].flatMap((byTimeout) => [...byTimeout.values()]);
      pools.clear();
      await Promise.all(
        all.map(async ({ policy, connector, origins }) => {
          publish('mcp-tls:pool-closed', () => summary(policy));
          connector.close();
          // Not close(): that waits for open streams, and an MCP GET stream never ends.
          await Promise.all([...origins.values()].map((connections) => connections.destroy()));
        }),
      );
    },
    get closed() {
      return closed;
    },
  };
}

function summary({ anchors, pins }: CheckedTrustPolicy): { anchors: number; pins: number } {
  return { anchors: anchors.length, pins: pins.length };
}
