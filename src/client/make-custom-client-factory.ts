import type { LiveTrust } from '../connect/live-trust.js';
import { ROUTE_FIELDS, type Route, type RouteOptions, readRoute } from '../connect/route.js';
import {
  count,
  type Declaration,
  declareOptions,
  type Fields,
  nested,
  readOptions,
} from '../options.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { type Ready, readyOf } from '../trust/ready.js';
import { ORIGINS, TRUST_POLICY } from '../trust/trust-options.js';
import type { Origins, TrustInput } from '../trust/trust-policy.js';
import { readAuthorization } from './authorization.js';
import {
  type ClientLimits,
  type CustomClientInit,
  MAX_BODY_BYTES,
  readClientInit,
  type ServerClientInit,
} from './client-init.js';
import { type CloseOptions, readClose } from './close-options.js';
import { MAX_CONNECTIONS } from './connections.js';
import { type CustomClient, makeCustomClient } from './custom-client.js';
import { Destinations, liveTrust, readOrigins } from './destinations.js';
import { readHeaderSource } from './header-source.js';
import {
  assertNoList,
  maxBodyBytesFor,
  NAMED_ORIGINS,
  type NamedOrigins,
} from './other-origins.js';
import { type FactoryStats, Pools } from './pools.js';
import {
  DEFAULT_TIMEOUTS,
  readTimeouts,
  TIMEOUT,
  type TimeoutOptions,
  type Timeouts,
  timeoutsOfOthers,
} from './timeouts.js';

/** Options of {@link makeCustomClientFactory}. */
export interface CustomClientFactoryOptions extends RouteOptions {
  /**
   * Trust for further origins that the clients talk to, by exact origin
   * (`https://auth.example:8443`), such as an OAuth server behind a private CA. No wildcards. Holds for
   * clients without `url` too. For a client with `url` the list is closed: an origin that is not in it, and not
   * that of `url`, is not reached, and `{}` allows none. Without a list, such origins are reached under the
   * default roots, at public addresses only.
   */
  origins?: Origins;
  /**
   * Where origins are reached that are neither that of a client's `url` nor in `origins`: those that a peer named,
   * such as an OAuth server in metadata. `'anywhere'` lets whoever runs the server send its client into your own
   * network, under the default roots and the extra CAs of the process; `allowAddress` can forbid some of it, by the
   * role `'named'`. To list the origin is better. Excludes `origins`. Default `'public'`: public addresses only.
   */
  namedOrigins?: NamedOrigins | undefined;
  /** Default limits of the clients. */
  timeout?: TimeoutOptions | undefined;
  /**
   * What `text()`, `json()`, `arrayBuffer()`, `blob()`, `bytes()` and `formData()` read of an answer at
   * most, decoded; `0` for all of it. More is an error, and ends the connection. It bounds each event of
   * an event stream too, which the MCP SDKs keep in memory until it ends; any other stream
   * (`response.body`) is bounded by its reader. Default 0. For other origins than that of `url`, such as an OAuth
   * server, it is 4 MiB at most, whatever is said.
   */
  maxBodyBytes?: number | undefined;
  /**
   * Connections to each origin at most, those being made included, under one policy and one `connectMs`: clients
   * with limits of their own for connecting have connections of their own. A request that finds all of them in
   * use waits for one, first come, first served, for as long as `timeout.connectMs`. Every open stream has a
   * connection of its own, and an MCP session has one or two: set it above the number of sessions.
   * Default 256.
   */
  maxConnections?: number | undefined;
}

/** What bounds the clients of a factory: shared with the registry. */
export const FACTORY_LIMITS: Fields<
  Pick<CustomClientFactoryOptions, 'timeout' | 'maxBodyBytes' | 'maxConnections'>
> = {
  timeout: nested(TIMEOUT),
  maxBodyBytes: MAX_BODY_BYTES,
  maxConnections: count(1),
};

const FACTORY: Declaration<CustomClientFactoryOptions> = declareOptions<CustomClientFactoryOptions>(
  'makeCustomClientFactory: options',
  {
    origins: ORIGINS,
    namedOrigins: NAMED_ORIGINS,
    ...FACTORY_LIMITS,
    ...ROUTE_FIELDS,
  },
  {
    beside: { 'trust, the first argument': TRUST_POLICY as never },
    elsewhere: {
      trust: 'it is the first argument',
      url: 'it belongs to each client: factory({ url })',
      headers: 'they belong to each client: factory({ url, headers })',
      auth: 'it belongs to each client: factory({ url, auth })',
      signal: 'it belongs to each client: factory({ signal })',
    },
  },
);

/** Makes clients that share one pool of verified connections. */
export interface CustomClientFactory extends AsyncDisposable {
  /** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_CLOSED` */
  (init?: CustomClientInit): CustomClient;
  /** What its clients have open now. */
  stats(): FactoryStats;
  /** Ends all connections and requests of all its clients, for good. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Makes a factory of clients whose `fetch` trusts what `trust` says, for one server.
 *
 * The policy is checked here; connections are made at the first request and verified each, before
 * the first byte of a request. Nothing process-wide is read or changed: no environment variable,
 * global dispatcher or global fetch.
 *
 * @param trust a policy; PEM text of one or more certificates as the only trust anchors; a checked policy;
 *   or `null` for the default roots. `undefined` is refused
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @example
 * const factory = makeCustomClientFactory(certificatePem);
 * const client = factory({ url: 'https://10.0.0.5:8443/mcp' });
 * const response = await client('https://10.0.0.5:8443/mcp', { method: 'POST', body: '{}' });
 */
export function makeCustomClientFactory(
  trust: TrustInput,
  options: CustomClientFactoryOptions = {},
): CustomClientFactory {
  return makeFactory(trust, readFactoryOptions(options));
}

/** Options of a factory, read: complete, and no more concerned by what becomes of the object. */
export interface FactoryParts {
  readonly route: Route;
  readonly timeouts: Timeouts;
  readonly maxBodyBytes: number | undefined;
  readonly maxConnections: number;
  readonly origins: Origins | undefined;
  readonly namedOrigins?: NamedOrigins | undefined;
  /** Of the registered server that it is for, to be reported. */
  readonly id?: string | undefined;
}

/** Reads them once, for any number of factories. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readFactoryOptions(options: CustomClientFactoryOptions): FactoryParts {
  const read = readOptions(FACTORY, options);
  return Object.freeze({
    route: readRoute(read),
    timeouts: readTimeouts(read.timeout, DEFAULT_TIMEOUTS),
    maxBodyBytes: read.maxBodyBytes,
    maxConnections: read.maxConnections ?? MAX_CONNECTIONS,
    origins: read.origins,
    namedOrigins: read.namedOrigins,
  });
}

/** {@link makeCustomClientFactory}, of options that were read. */
export function makeFactory(trust: TrustInput, parts: FactoryParts): CustomClientFactory {
  return makeFollowedFactory(trust, parts).factory;
}

/** A factory, and what its connections rest on. */
export interface FollowedFactory {
  readonly factory: CustomClientFactory;
  /**
   * What is trusted now, after its sources were read again: what these have lost is ended. Where they cannot be read
   * it is what was read last, which connections still rest on.
   */
  current(): Pick<Ready, 'policy' | 'origins'>;
}

export function makeFollowedFactory(trust: TrustInput, parts: FactoryParts): FollowedFactory {
  const { route, timeouts, maxConnections, id, namedOrigins = 'public' } = parts;
  const live = liveTrust(trust, 'makeCustomClientFactory: trust');
  // Those of a record hold as those that are given do.
  const given = parts.origins ?? readyOf(trust)?.origins;
  assertNoList(parts.namedOrigins, given !== undefined);
  const origins = given && readOrigins(given);
  const pools = new Pools(maxConnections, id);
  const destinations = new Destinations({
    trust: live,
    route,
    origins,
    namedOrigins,
    id,
    onChange: (of, { keeps }) => pools.renew(of, keeps),
  });

  function factory(given: CustomClientInit = {}): CustomClient {
    const init: ClientLimits & Partial<ServerClientInit> = readClientInit(given);
    const own = init.url === undefined ? undefined : new URL(init.url).origin;
    const limits = readTimeouts(init.timeout, timeouts);
    return makeCustomClient({
      pools,
      ownOrigin: own,
      destinationOf: destinations.of(own),
      maxBodyBytesFor: maxBodyBytesFor(own, init.maxBodyBytes ?? parts.maxBodyBytes ?? 0),
      headers: readHeaderSource(init.headers),
      timeouts: limits,
      timeoutsOfOthers: timeoutsOfOthers(limits),
      authorization: init.auth === undefined ? undefined : readAuthorization(init.auth),
      signal: init.signal,
    });
  }
  const close = (graceMs: number) => pools.close(graceMs).finally(() => destinations.close());
  const now = (one: LiveTrust): CheckedTrustPolicy => {
    one.refresh();
    return one.current;
  };
  return {
    factory: Object.assign(factory, {
      stats: () => pools.stats(),
      close: async (options?: CloseOptions) => close(readClose('factory.close', options)),
      [Symbol.asyncDispose]: () => close(0),
    }),
    current: () => ({
      policy: now(live),
      origins: origins && Object.fromEntries([...origins].map(([at, one]) => [at, now(one)])),
    }),
  };
}
