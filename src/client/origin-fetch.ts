import { invalidArgument } from '../assert.js';
import { McpTlsError } from '../errors.js';
import { goOn } from './begun-request.js';
import { closedError, failed, lookUpTimedOut, toFetchError } from './fetch-error.js';
import {
  type CustomClientFactoryOptions,
  makeFactory,
  readFactoryOptions,
} from './make-custom-client-factory.js';
import { OriginClients, type TrustOfOrigin } from './origin-clients.js';
import { requestError } from './request-error.js';
import { totalLimit } from './total-limit.js';

/** Options of {@link originFetch}: proxy, limits and the rest, for all origins with a policy. */
export type OriginFetchOptions = Omit<CustomClientFactoryOptions, 'origins' | 'namedOrigins'>;

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
 * - What `trustOf` throws rejects the request, and so does a mistake in what it says. It never becomes "no
 *   policy". Trust that is withdrawn while a request looks it up rejects that request: `MCP_TLS_CLOSED`.
 * - `timeout.totalMs` of `options` covers the look-up too. Options are read once, here.
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
  const { namedOrigins } = Object(options);
  if ('origins' in Object(options) || namedOrigins !== undefined) {
    const field = namedOrigins === undefined ? 'origins' : 'namedOrigins';
    invalidArgument(`originFetch: options.${field} has no meaning here: trustOf is asked for each`);
  }
  // Once: for all origins the same, whatever becomes of the object or of the environment.
  const parts = readFactoryOptions(options);
  const { totalMs } = parts.timeouts;
  const clients = new OriginClients(trustOf, (trust) => makeFactory(trust, parts));

  async function hostFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    if (clients.closed) throw failed(closedError('the fetch is closed'));
    const { text, url, target } = readTarget(input);
    if (url?.protocol !== 'https:') return otherwise(target, init);
    const signal = signalOf(input, init);
    const limit = totalLimit(totalMs, url);
    limit?.begin(performance.now(), url);
    const signals = [signal, limit?.signal].filter((one) => one !== undefined);
    let response: Response | undefined;
    let isSent = false;
    try {
      response = await clients.request(url.origin, signals, (client) => {
        isSent = true;
        return goOn(client, target, init, { url: text, limit });
      });
      if (response === undefined && isRequest(target) && target.url !== text) {
        throw requestError('the URL of the Request changed while its trust was looked up');
      }
    } catch (error) {
      limit?.end();
      if (!isSent && limit?.signal.aborted && error === limit.signal.reason)
        throw lookUpTimedOut(url, totalMs);
      const isOurs = error instanceof McpTlsError && error !== signal?.reason;
      throw isOurs ? toFetchError(error, url) : error;
    }
    if (response !== undefined) return response;
    limit?.end();
    return otherwise(target, init);
  }

  return Object.assign(hostFetch, {
    refresh: () => clients.refresh(),
    close: () => clients.close(),
  });
}

/** Whatever is like `fetch`. */
export type OtherFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

interface Target {
  readonly text: string;
  /** `undefined` where it is no URL, of which `otherwise` says so. */
  readonly url: URL | undefined;
  /** What to send. */
  readonly target: string | Request;
}

/**
 * The URL of a request, read once: what is looked up is what is asked for, also of a URL that is changed
 * while trust is looked up.
 */
function readTarget(input: string | URL | Request): Target {
  const isOne = isRequest(input);
  const text = isOne ? input.url : `${input}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return { text, url, target: isOne ? input : text };
}

/** As in `fetch`: `null` is none, also over that of a Request. What is no signal is refused later. */
function signalOf(
  input: string | URL | Request,
  init: RequestInit | undefined,
): AbortSignal | undefined {
  const given = init?.signal === undefined && isRequest(input) ? input.signal : init?.signal;
  return typeof given?.addEventListener === 'function' ? given : undefined;
}

/** The platform's, or one of another realm or library. */
function isRequest(input: string | URL | Request): input is Request {
  if (typeof input !== 'object' || input === null || input instanceof URL) return false;
  const { url, method } = input as Partial<Request>;
  return typeof url === 'string' && typeof method === 'string';
}
