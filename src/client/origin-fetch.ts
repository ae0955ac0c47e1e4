import { invalidArgument } from '../assert.js';
import { McpTlsError } from '../errors.js';
import { closedError, failed, toFetchError } from './fetch-error.js';
import {
  type CustomClientFactoryOptions,
  makeCustomClientFactory,
} from './make-custom-client-factory.js';
import { OriginClients, type TrustOfOrigin } from './origin-clients.js';

/** Options of {@link originFetch}: proxy, limits and the rest, for all origins with a policy. */
export type OriginFetchOptions = Omit<CustomClientFactoryOptions, 'origins'>;

/** A `fetch` for a whole host application. */
export interface OriginFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Asks again for the trust of every origin that is connected to, and ends the connections of those whose
   * trust was changed or withdrawn, streams included. For after a configuration was reloaded: without it
   * that is noticed at the next request to the origin.
   */
  refresh(): Promise<void>;
  /** Ends all connections under policies. Requests after that reject with `MCP_TLS_CLOSED`. Final. */
  close(): Promise<void>;
}

/**
 * One fetch for a host that knows many servers: looks the trust up by the origin of each request. For places
 * that know only a URL, and for configurations that are reloaded.
 *
 * - `trustOf` is asked for **each** request to an `https:` origin, so that what it says now holds. Trust that
 *   says the same shares connections, also if it is a new object each time; trust that was changed or
 *   withdrawn ends those that were made under it.
 * - `undefined` is no policy: the request goes to `otherwise`, as it is. So do `http:` and other schemes.
 * - What `trustOf` throws rejects the request. It never becomes "no policy".
 * - A request under a policy never leaves its origin by a redirect. Where `otherwise` is led to is its own
 *   affair: for an origin that must not lead to others, return `null` instead of `undefined`.
 *
 * @param otherwise default: the global `fetch` of the moment
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const hostFetch = originFetch((origin) => config.servers[origin]?.tls);
 * new StreamableHTTPClientTransport(url, { fetch: hostFetch });
 */
export function originFetch(
  trustOf: TrustOfOrigin,
  otherwise: OtherFetch = (input, init) => fetch(input as string, init),
  options: OriginFetchOptions = {},
): OriginFetch {
  if (typeof trustOf !== 'function') invalidArgument('originFetch: trustOf must be a function');
  if (typeof otherwise !== 'function') invalidArgument('originFetch: otherwise must be a fetch');
  if ('origins' in Object(options)) {
    invalidArgument('originFetch: options.origins has no meaning here: trustOf is asked for each');
  }
  // Wrong options are found now, and not at the first request.
  void makeCustomClientFactory(null, options).close();
  const clients = new OriginClients(trustOf, (trust) => makeCustomClientFactory(trust, options));

  async function hostFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    if (clients.closed) throw failed(closedError('the fetch is closed'));
    const [url, target] = readTarget(input);
    if (url === undefined || url.protocol !== 'https:') return otherwise(target, init);
    const signal = init?.signal ?? (isRequest(input) ? input.signal : undefined);
    try {
      const response = await clients.request(url.origin, signal ?? undefined, (client) =>
        client(target, init),
      );
      if (response !== undefined) return response;
    } catch (error) {
      if (error instanceof McpTlsError && signal?.aborted !== true) throw toFetchError(error, url);
      throw error;
    }
    return otherwise(target, init);
  }

  return Object.assign(hostFetch, {
    refresh: () => clients.refresh(),
    close: () => clients.close(),
  });
}

/** Whatever is like `fetch`. */
export type OtherFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * The URL of a request, read once: what is looked up is what is asked for, also of a URL that is changed
 * while trust is looked up. `undefined` where it is no URL, of which `otherwise` says so.
 */
function readTarget(
  input: string | URL | Request,
): readonly [url: URL | undefined, target: string | URL | Request] {
  if (isRequest(input)) return [parse(input.url), input];
  const text = typeof input === 'string' ? input : `${input}`;
  return [parse(text), text];
}

/** The platform's, or one of another realm or library. */
function isRequest(input: string | URL | Request): input is Request {
  if (typeof input !== 'object' || input === null || input instanceof URL) return false;
  const { url, method } = input as Partial<Request>;
  return typeof url === 'string' && typeof method === 'string';
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
