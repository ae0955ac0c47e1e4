import { addressOf } from '../connect/address-of.js';
import { toConnectionError } from '../connect/connection-error.js';
import { isMcpTlsError, TlsConfigError, TlsTrustError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import type { Authorization } from './authorization.js';
import { acceptedEncodings } from './content-encoding.js';
import { type Answer, exchange, type Running } from './exchange.js';
import { makeResponse } from './make-response.js';
import type { Pools } from './pools.js';
import { type FetchRequest, readRequest } from './read-request.js';
import { redirectTarget } from './redirect.js';
import { addMissing, type HeaderList, hasHeader } from './request-headers.js';
import type { Timeouts } from './timeouts.js';

/**
 * A `fetch` for one server, usable wherever a fetch-like function is asked for.
 *
 * Rejects as `fetch` does: with the signal's reason if aborted, otherwise with a TypeError whose
 * message tells the reason and whose `cause` is a {@link TlsTrustError} or {@link TlsConfigError}.
 */
export interface CustomClient {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Ends the client's requests, those that stream included. The factory's connections stay. */
  close(): Promise<void>;
}

/** What a client closes over: checked, complete. */
export interface CustomClientParts {
  readonly pools: Pools;
  /** The one origin that `headers` and `authorization` are for. */
  readonly ownOrigin: string | undefined;
  readonly policyFor: (origin: string) => CheckedTrustPolicy;
  readonly headers: HeaderList;
  readonly timeouts: Timeouts;
  readonly authorization: Authorization | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Makes a client over its factory's pools. Opens nothing. */
export function makeCustomClient(parts: CustomClientParts): CustomClient {
  if (parts.pools.closed) throw closedError('the client factory is closed');
  const running: Running = { exchanges: new Set(), closed: undefined };

  async function client(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = readRequest(input, init);
    const signals = signalsOf(request.signal, parts.signal);
    try {
      return await follow(parts, request, signals, running);
    } catch (error) {
      // As from fetch: the caller's own reason, untouched.
      const aborted = signals.find((signal) => signal.aborted);
      if (aborted !== undefined) throw aborted.reason;
      throw running.closed ?? asFetchError(error, parts, request.url);
    }
  }

  return Object.assign(client, {
    async close() {
      running.closed ??= failed(closedError('the client is closed'));
      for (const exchange of running.exchanges) exchange.abort(running.closed);
    },
  });
}

const NO_SIGNALS: readonly AbortSignal[] = [];

function signalsOf(
  own: AbortSignal | undefined,
  clients: AbortSignal | undefined,
): readonly AbortSignal[] {
  if (own === undefined) return clients === undefined ? NO_SIGNALS : [clients];
  return clients === undefined ? [own] : [own, clients];
}

/** Sends the request, and again wherever a redirect leads that may be followed. */
async function follow(
  parts: CustomClientParts,
  request: FetchRequest,
  signals: readonly AbortSignal[],
  running: Running,
): Promise<Response> {
  let url = request.url;
  for (let redirects = 0; ; redirects++) {
    const answer = await send(parts, request, url, signals, running);
    const { status, headers } = answer;
    const target = await orCancel(answer, () =>
      redirectTarget(request, url, { status, location: headers.location }, redirects),
    );
    if (target === undefined) return makeResponse(answer, url, redirects > 0);
    await discard(answer);
    url = target;
  }
}

async function send(
  parts: CustomClientParts,
  request: FetchRequest,
  url: URL,
  signals: readonly AbortSignal[],
  running: Running,
): Promise<Answer> {
  if (url.protocol !== 'https:') throw plainHttpRefused(url);
  const { timeouts } = parts;
  const { method, body, headers } = request;
  await addDefaults(parts, headers, url);
  const policy = parts.policyFor(url.origin);
  const connections = await parts.pools.get(policy, timeouts.connect, url.origin);
  const mapError = (error: unknown) => asFetchError(error, parts, url);
  const bounds = { timeouts, signals, running, mapError };
  return exchange(connections, { url, method, headers, body, ...bounds });
}

/** Filled in place: they are this request's own, and a redirect never leaves the origin. */
async function addDefaults(
  { ownOrigin, headers: defaults, authorization }: CustomClientParts,
  headers: string[],
  url: URL,
): Promise<void> {
  if (url.origin === ownOrigin) {
    addMissing(headers, defaults);
    if (authorization !== undefined && !hasHeader(headers, 'authorization')) {
      const value = await authorization();
      if (value !== undefined) headers.push('authorization', value);
    }
  }
  if (!hasHeader(headers, 'accept')) headers.push('accept', '*/*');
  if (!hasHeader(headers, 'user-agent')) headers.push('user-agent', 'mcp-tls');
  if (!hasHeader(headers, 'accept-encoding')) headers.push('accept-encoding', acceptedEncodings());
}

/** Runs `check`, and gives the connection back before its error goes on. */
async function orCancel<T>(answer: Answer, check: () => T): Promise<T> {
  try {
    return check();
  } catch (error) {
    await discard(answer);
    throw error;
  }
}

/** Gives the connection back: at once if the body is short and here, else by breaking it off. */
async function discard({ body }: Answer): Promise<void> {
  await body?.stream().cancel();
}

function plainHttpRefused(url: URL): Error {
  if (url.protocol !== 'http:') return new TypeError(`unknown scheme '${url.protocol}'`);
  const port = Number(url.port || 80);
  return new TlsTrustError(
    'MCP_TLS_PLAIN_HTTP_REFUSED',
    `${url.hostname}:${port}: plain http is refused, nothing is sent in the clear`,
    {
      host: url.hostname,
      port,
      expected: 'an https: URL',
      presented: 'an http: URL',
      hint: 'Use the https: URL of the server. For a server on this machine, an ordinary fetch will do.',
    },
  );
}

/** Fetch errors are TypeErrors; "fetch failed" alone tells nobody anything, so the reason goes on. */
function asFetchError(error: unknown, { pools }: CustomClientParts, url: URL): unknown {
  if (error instanceof TypeError) return error;
  // Whatever broke then broke because of that.
  if (pools.closed) return failed(closedError('the client factory is closed'));
  if (isMcpTlsError(error)) return failed(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  // A mistake in the call, such as a header that cannot be sent.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new TypeError((error as Error).message, { cause: error });
  }
  // System, OpenSSL and undici errors have a code; a TypeError of our own has none.
  if (typeof code !== 'string') return error;
  return failed(toConnectionError(error, addressOf(url)));
}

function failed(error: Error): TypeError {
  return new TypeError(`fetch failed: ${error.message}`, { cause: error });
}

function closedError(message: string): TlsConfigError {
  return new TlsConfigError('MCP_TLS_CLOSED', message);
}
