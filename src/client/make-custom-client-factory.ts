import { assertKnownKeys, invalidArgument } from '../assert.js';
import { readHttpsUrl } from '../connect/read-url.js';
import { ROUTE_FIELDS, type Route, type RouteOptions, readRoute } from '../connect/route.js';
import { makeSecureContext } from '../connect/secure-context.js';
import { type CheckedTrustPolicy, checkTrustPolicy } from '../trust/check-trust-policy.js';
import { assertIsValid } from '../trust/client-certificate.js';
import type { TrustInput } from '../trust/trust-policy.js';
import { type AuthInput, readAuthorization } from './authorization.js';
import { MAX_CONNECTIONS } from './connections.js';
import { type CustomClient, makeCustomClient } from './custom-client.js';
import { type HeadersSource, readHeaderSource } from './header-source.js';
import { type Destination, Pools } from './pools.js';
import { DEFAULT_TIMEOUTS, readTimeouts, type TimeoutInput } from './timeouts.js';

/** Options of {@link makeCustomClientFactory}. */
export interface CustomClientFactoryOptions extends RouteOptions {
  /**
   * Trust for further origins that the clients talk to, by exact origin
   * (`https://auth.example:8443`), such as an OAuth server behind a private CA. No wildcards.
   */
  readonly origins?: Readonly<Record<string, TrustInput>> | undefined;
  /** Default limits of the clients. */
  readonly timeout?: TimeoutInput | undefined;
  /**
   * What `text()`, `json()`, `arrayBuffer()`, `blob()`, `bytes()` and `formData()` read of an answer at
   * most, decoded; `0` for all of it. More is an error, and ends the connection. It bounds each event of
   * an event stream too, which the MCP SDKs keep in memory until it ends; any other stream
   * (`response.body`) is bounded by its reader. Default 0 for the origin of `url` and those in
   * `origins`, 4 MiB for an origin that only a peer named, such as an OAuth server of its metadata.
   */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Connections to each origin at most, those being made included. A request that finds all of them in
   * use waits for one, first come, first served, for as long as `timeout.connect`. Every open stream has a
   * connection of its own, and an MCP session has one or two: set it above the number of sessions.
   * Default 256.
   */
  readonly maxConnections?: number | undefined;
}

/** Options of one client. */
export interface CustomClientInit {
  /**
   * The server. The trust policy, `headers` and `auth` are for its origin only; other origins are
   * reached with the default roots (or their own policy in `origins`), without headers and auth.
   * Without `url` the policy holds for whatever is asked for, and nothing else is trusted.
   */
  readonly url?: string | URL | undefined;
  /**
   * Sent with every request to the origin of `url`; a request's own headers win. A function is asked before
   * each request, redirects within the origin included, with its URL, method and body: to sign it, or to
   * send what changes. Needs `url`.
   */
  readonly headers?: HeadersSource | undefined;
  /** Over the factory's. */
  readonly timeout?: TimeoutInput | undefined;
  /** Over the factory's. */
  readonly maxBodyBytes?: number | undefined;
  /** Sent with every request to the origin of `url` that has no Authorization header. Needs `url`. */
  readonly auth?: AuthInput | undefined;
  /** Ends every request of the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const FACTORY_FIELDS = ['origins', 'timeout', 'maxBodyBytes', 'maxConnections'];
const CLIENT_FIELDS = ['url', 'headers', 'timeout', 'maxBodyBytes', 'auth', 'signal'];

/** For origins that nobody gave a policy for. */
const PEERS_MAX_BODY_BYTES = 4 * 1_048_576;

/** Makes clients that share one pool of verified connections. */
export interface CustomClientFactory {
  /** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_CLOSED` */
  (init?: CustomClientInit): CustomClient;
  /** Ends all connections and requests of all its clients, for good. */
  close(): Promise<void>;
}

/**
 * Makes a factory of clients whose `fetch` trusts what `trust` says, for one server.
 *
 * The policy is checked here; connections are made at the first request and verified each, before
 * the first byte of a request. Nothing process-wide is read or changed: no environment variable,
 * global dispatcher or global fetch.
 *
 * @param trust a policy; one or more certificates (PEM or DER) as the only trust anchors; or
 *   `null`/`undefined` for the default roots
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @example
 * const factory = makeCustomClientFactory(certificatePem);
 * const client = factory({ url: 'https://10.0.0.5:8443/mcp' });
 * const response = await client('https://10.0.0.5:8443/mcp', { method: 'POST', body: '{}' });
 */
export function makeCustomClientFactory(
  trust?: TrustInput,
  options: CustomClientFactoryOptions = {},
): CustomClientFactory {
  assertKnownKeys('options', options, [...FACTORY_FIELDS, ...ROUTE_FIELDS]);
  const policy = checkUsable(trust);
  const timeouts = readTimeouts(options.timeout, DEFAULT_TIMEOUTS);
  const maxBodyBytes = readMaxBodyBytes('options.maxBodyBytes', options.maxBodyBytes);
  const route = readRoute(options);
  // A socket leads to one server; whatever else is asked for is elsewhere.
  const elsewhere = route.socketPath === undefined ? route : { ...route, socketPath: undefined };
  const server: Destination = { policy, route };
  const origins = options.origins && readOrigins(options.origins, elsewhere);
  const others: Destination = { policy: checkTrustPolicy(null), route: elsewhere, unlisted: true };
  const pools = new Pools(readMaxConnections('options.maxConnections', options.maxConnections));

  function factory(init: CustomClientInit = {}): CustomClient {
    assertKnownKeys('init', init, CLIENT_FIELDS);
    const own = init.url === undefined ? undefined : readOrigin('init.url', init.url, 'any path');
    if (own === undefined && (init.headers !== undefined || init.auth !== undefined)) {
      invalidArgument('init.headers and init.auth need init.url, the server that may see them');
    }
    const max = readMaxBodyBytes('init.maxBodyBytes', init.maxBodyBytes) ?? maxBodyBytes;
    const destinationOf = (origin: string): Destination =>
      origin === own ? server : (origins?.get(origin) ?? (own === undefined ? server : others));
    return makeCustomClient({
      pools,
      ownOrigin: own,
      destinationOf,
      maxBodyBytesFor: (origin) =>
        max ?? (destinationOf(origin) === others ? PEERS_MAX_BODY_BYTES : 0),
      headers: readHeaderSource(init.headers),
      timeouts: readTimeouts(init.timeout, timeouts),
      authorization: init.auth === undefined ? undefined : readAuthorization(init.auth),
      signal: init.signal,
    });
  }
  return Object.assign(factory, { close: () => pools.close() });
}

function readMaxBodyBytes(what: string, value: unknown): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) {
    return value as number | undefined;
  }
  return invalidArgument(`${what} must be a whole number of bytes, or 0 for no limit`);
}

function readMaxConnections(what: string, value: unknown): number {
  if (value === undefined) return MAX_CONNECTIONS;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  return invalidArgument(`${what} must be a whole number from 1`);
}

/** Checks a policy and, where OpenSSL has a say in what it holds, that too: now, not at a request. */
function checkUsable(trust: TrustInput | undefined): CheckedTrustPolicy {
  const policy = checkTrustPolicy(trust);
  if (policy.clientCertificate !== undefined) assertIsValid(policy.clientCertificate, new Date());
  if (policy.clientCertificate !== undefined || policy.crl.length > 0) makeSecureContext(policy);
  return policy;
}

function readOrigins(
  origins: Readonly<Record<string, TrustInput>>,
  route: Route,
): ReadonlyMap<string, Destination> {
  return new Map(
    Object.entries(origins).map(([origin, trust]) => {
      // An unset variable must not become trust in the default roots.
      if (trust === undefined)
        invalidArgument(`options.origins: the trust for ${origin} is undefined`);
      return [
        readOrigin('options.origins', origin, 'origin only'),
        { policy: checkUsable(trust), route },
      ];
    }),
  );
}

function readOrigin(what: string, input: string | URL, form: 'any path' | 'origin only'): string {
  const url = readHttpsUrl(what, input);
  if (url.username !== '' || url.password !== '') {
    invalidArgument(`${what}: must not contain credentials; use auth`);
  }
  if (form === 'origin only' && `${url.origin}/` !== url.href) {
    invalidArgument(`${what}: '${url.origin}' is an origin; a path or query has no meaning here`);
  }
  return url.origin;
}
