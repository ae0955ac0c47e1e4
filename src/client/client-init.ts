import { invalidArgument } from '../assert.js';
import { ROUTE_FIELDS } from '../connect/route.js';
import {
  count,
  custom,
  type Declaration,
  declareOptions,
  type Fields,
  given,
  type Kind,
  nested,
  readBy,
  readOptions,
  type Surroundings,
  signal,
} from '../options.js';
import { TRUST_POLICY } from '../trust/trust-options.js';
import { type AuthInput, BASIC, readAuthorization } from './authorization.js';
import { readOrigin } from './destinations.js';
import { type HeadersSource, readHeaderSource } from './header-source.js';
import { TIMEOUT, type TimeoutOptions } from './timeouts.js';

/** What bounds the requests of one client. */
export interface ClientLimits {
  /** Over the factory's. */
  timeout?: TimeoutOptions | undefined;
  /** Over the factory's. */
  maxBodyBytes?: number | undefined;
  /** Ends every request of the client when it aborts. */
  signal?: AbortSignal | undefined;
}

/** What goes to the server's own origin only. */
export interface ServerRequestOptions {
  /**
   * Sent with every request to that origin; a request's own headers win. A function is asked before each
   * request, redirects within the origin included, with its URL, method and body: to sign it, or to send
   * what changes.
   */
  headers?: HeadersSource;
  /** Sent with every request to that origin that has no Authorization header. An unset one is refused. */
  auth?: AuthInput;
}

/** A client of one server. */
export interface ServerClientInit extends ClientLimits, ServerRequestOptions {
  /**
   * The server. The trust policy, `headers` and `auth` are for its origin only; other origins are
   * reached by their own policy in `origins` or, where no list is given, with the default roots at public
   * addresses, without headers and auth.
   */
  url: string | URL;
}

/** A client without a server of its own: the policy holds for whatever is asked for, `origins` apart. */
export interface AnyServerClientInit extends ClientLimits {
  url?: never;
  headers?: never;
  auth?: never;
}

/** Options of one client. */
export type CustomClientInit = ServerClientInit | AnyServerClientInit;

/** At least 0, which is for all of it: shared with the factory. */
export const MAX_BODY_BYTES: Kind<number> = count(0);

/** What makes requests to the server's own origin: shared with the transports. */
export const REQUEST_FIELDS: Fields<ServerRequestOptions> = {
  headers: readBy<HeadersSource>('a Headers, an object, pairs, or a function', (value) => {
    readHeaderSource(value as HeadersSource);
    return value as HeadersSource;
  }),
  auth: given(
    readBy('a bearer token, { username, password } or a function', readAuth, BASIC as never),
  ),
};

function readAuth(value: unknown, whose: string, around: Surroundings): AuthInput {
  readAuthorization(value as AuthInput, whose, around);
  return value as AuthInput;
}

/** What bounds requests: shared with the transports. */
export const LIMIT_FIELDS: Fields<Omit<ClientLimits, 'signal'>> = {
  timeout: nested(TIMEOUT),
  maxBodyBytes: MAX_BODY_BYTES,
};

const CLIENT: Declaration<CustomClientInit> = declareOptions<CustomClientInit>(
  'factory: init',
  {
    url: given(custom('a URL', (value) => typeof value === 'string' || value instanceof URL)),
    ...REQUEST_FIELDS,
    ...LIMIT_FIELDS,
    signal: signal(),
  },
  {
    elsewhere: {
      trust: 'it is the first argument of makeCustomClientFactory',
      origins: 'it belongs to makeCustomClientFactory',
      ...Object.fromEntries(
        Object.keys(ROUTE_FIELDS).map((name) => [name, 'it belongs to makeCustomClientFactory']),
      ),
    },
    beside: { 'the policy of makeCustomClientFactory': TRUST_POLICY as never },
  },
);

/** Reads the options of a client: what a factory of the host application's own is handed, too. */
export function readClientInit(init: unknown): CustomClientInit {
  const read = readOptions(CLIENT, init);
  if (read.url === undefined) {
    const { headers, auth } = read as Partial<ServerRequestOptions>;
    if (headers !== undefined || auth !== undefined) {
      invalidArgument('init.headers and init.auth need init.url, the server that may see them');
    }
    return read;
  }
  readOrigin('init.url', read.url, 'any path');
  return read;
}
