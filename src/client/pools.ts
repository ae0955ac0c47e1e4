import type { Agent } from 'undici';
import { type Connector, makeConnector } from '../connect/connector.js';
import type { Route } from '../connect/route.js';
import { publish } from '../diagnostics.js';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { loadUndici } from './load-undici.js';

/** The connection pools of one factory: one a policy and connect timeout, made when first needed. */
export interface Pools {
  /** @throws {TlsConfigError} `MCP_TLS_CLOSED` */
  get(policy: CheckedTrustPolicy, connectTimeoutMs: number): Promise<Agent>;
  /** Ends every connection, those in use included. Final. */
  close(): Promise<void>;
  readonly closed: boolean;
}

interface Pool {
  readonly agent: Promise<Agent>;
  readonly connector: Connector;
}

/** Makes the (empty) pools of a factory. `routeFor` tells how to get to the servers of a policy. */
export function makePools(routeFor: (policy: CheckedTrustPolicy) => Route): Pools {
  const pools = new Map<CheckedTrustPolicy, Map<number, Pool>>();
  let closed = false;

  function makePool(policy: CheckedTrustPolicy, connectTimeoutMs: number): Pool {
    const route = routeFor(policy);
    const connector = makeConnector({ policy, route, timeoutMs: connectTimeoutMs });
    publish('mcp-tls:pool-opened', () => summary(policy));
    return { connector, agent: makeAgent(connector) };
  }

  return {
    async get(policy, connectTimeoutMs) {
      if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
      const byTimeout = pools.get(policy) ?? new Map<number, Pool>();
      pools.set(policy, byTimeout);
      const pool = byTimeout.get(connectTimeoutMs) ?? makePool(policy, connectTimeoutMs);
      byTimeout.set(connectTimeoutMs, pool);
      return pool.agent;
    },
    async close() {
      closed = true;
      const all = [...pools].flatMap(([policy, byTimeout]) =>
        [...byTimeout.values()].map((pool) => ({ ...pool, policy })),
      );
      pools.clear();
      await Promise.all(
        all.map(async ({ agent, connector, policy }) => {
          publish('mcp-tls:pool-closed', () => summary(policy));
          connector.close();
          // Not close(): that waits for open streams, and an MCP GET stream never ends.
          await (await agent).destroy();
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

async function makeAgent(connector: Connector): Promise<Agent> {
  const { Agent } = await loadUndici();
  return new Agent({
    connect: (target, callback) =>
      connector.connect(target, (...[error, socket]) =>
        error === null ? callback(null, socket) : callback(error, null),
      ),
    // MCP over HTTP/2 deadlocks in undici before 8.7; the connector offers http/1.1 only.
    allowH2: false,
    // One request a connection at a time, and as many connections as there are requests: the GET
    // stream of an MCP session never ends, and must not hold up its POSTs.
    pipelining: 1,
    connections: null,
    // Both are set for each request.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}
