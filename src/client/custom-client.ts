import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { McpTlsError, TlsTrustError, type TrustErrorCode } from '../errors.js';
import type { Authorization } from './authorization.js';
import { acceptedEncodings } from './content-encoding.js';
import { exchange } from './exchange.js';
import type { Answer, Running } from './exchange-request.js';
import { closedError, failed, toFetchError } from './fetch-error.js';
import { type HeaderSource, shownBody } from './header-source.js';
import { makeResponse } from './make-response.js';
import type { Destination, Pools } from './pools.js';
import { type FetchRequest, readRequest } from './read-request.js';
import { redirectTarget } from './redirect.js';
import { requestError } from './request-error.js';
import { addMissing, type HeaderList, hasHeader } from './request-headers.js';
import { abortedOf } from './signals.js';
import { StreamBody } from './stream-body.js';
import type { Timeouts } from './timeouts.js';
import { withoutFragment } from './url-text.js';

/**
 * A `fetch` for one server, usable wherever a fetch-like function is asked for.
 *
 * Reads its arguments as the Fetch Standard says, and refuses by name what it cannot do; docs/fetch.md
 * lists every difference. Rejects as `fetch` does, before the answer and within its body: with the
 * signal's reason if aborted, otherwise with a TypeError whose message states the reason and whose
 * `cause` is ours: `TlsTrustError`, `TlsConnectionError` or `TlsConfigError`.
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
  readonly destinationOf: (origin: string) => Destination;
  readonly headers: HeaderList | HeaderSource;
  readonly timeouts: Timeouts;
  /** What `text()` and the like read of an answer of that origin at most; 0 for all. */
  readonly maxBodyBytesFor: (origin: string) => number;
  readonly authorization: Authorization | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Makes a client over its factory's pools. Opens nothing. */
export function makeCustomClient(parts: CustomClientParts): CustomClient {
  if (parts.pools.closed) throw closedError('the client factory is closed');
  const running: Running = { exchanges: new Set(), closed: undefined };

  async function client(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    let request: FetchRequest | undefined;
    let signals = NO_SIGNALS;
    try {
      request = await readRequest(input, init);
      signals = signalsOf(request.signal, parts.signal);
      return await follow(parts, request, signals, running);
    } catch (error) {
      // As from fetch: the caller's own reason, untouched.
      const aborted = abortedOf(signals);
      const reason = aborted === undefined ? rejection(error, request?.url) : aborted.reason;
      if (request?.body instanceof StreamBody) request.body.cancel(reason);
      throw reason;
    }
  }

  function rejection(error: unknown, url: URL | undefined): Error {
    const closed = running.closed ?? closedWith(parts.pools);
    if (closed !== undefined) return closed;
    return toFetchError(adviseOnOrigin(error, parts, url), url ?? NO_URL);
  }

  return Object.assign(client, {
    async close() {
      running.closed ??= failed(closedError('the client is closed'));
      for (const exchange of running.exchanges) exchange.abort(running.closed);
    },
  });
}

/**
 * An origin that only a peer named, such as an OAuth server of the metadata, is judged by the default roots:
 * what to do is to list it, and not to change the policy of the server.
 */
function adviseOnOrigin(
  error: unknown,
  { destinationOf }: CustomClientParts,
  url: URL | undefined,
): unknown {
  const ours = error instanceof TypeError ? error.cause : error;
  if (!(ours instanceof TlsTrustError) || !UNVOUCHED.has(ours.code)) return error;
  if (url === undefined || destinationOf(url.origin).unlisted !== true) return error;
  const { code, message, host, port, expected, presented, detail } = ours;
  const hint = `This is another origin than that of the server, and was judged by the default roots. Compare its fingerprint with its operator out of band, then list it: \`origins: { '${url.origin}': certificate }\`.`;
  return new TlsTrustError(code, message, { host, port, expected, presented, hint, detail });
}

const UNVOUCHED: ReadonlySet<TrustErrorCode> = new Set<TrustErrorCode>([
  'MCP_TLS_SELF_SIGNED',
  'MCP_TLS_UNKNOWN_ISSUER',
  'MCP_TLS_INCOMPLETE_CHAIN',
]);

/** For errors in the arguments, which name no host. */
const NO_URL = new URL('https://invalid/');

/** Any failure after that is because of it. */
function closedWith(pools: Pools): TypeError | undefined {
  return pools.closed ? failed(closedError('the client factory is closed')) : undefined;
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
  const { method, body } = request;
  // What a function gave for one redirect is not for the next.
  const headers = typeof parts.headers === 'function' ? [...request.headers] : request.headers;
  await addDefaults(parts, { url, method, body, headers }, signals, running);
  const destination = parts.destinationOf(url.origin);
  const connections = await parts.pools.get(destination, timeouts.connect, url.origin);
  const maxBodyBytes = parts.maxBodyBytesFor(url.origin);
  const closed = (): Error | undefined => closedWith(parts.pools);
  const bounds = { timeouts, signals, running, maxBodyBytes, closed };
  return exchange(connections, { url, method, headers, body, ...bounds });
}

/** Filled in place: they are this request's own, and a redirect never leaves the origin. */
async function addDefaults(
  { ownOrigin, headers: defaults, authorization }: CustomClientParts,
  { url, method, body, headers }: Pick<FetchRequest, 'url' | 'method' | 'body' | 'headers'>,
  signals: readonly AbortSignal[],
  running: Running,
): Promise<void> {
  if (url.origin === ownOrigin) {
    if (typeof defaults !== 'function') addMissing(headers, defaults);
    else {
      const request = { url: withoutFragment(url), method, body: shownBody(body) };
      addMissing(headers, await ask('headers', () => defaults(request), signals, running));
    }
    if (authorization !== undefined && !hasHeader(headers, 'authorization')) {
      const value = await ask('auth', authorization, signals, running);
      if (value !== undefined) headers.push('authorization', value);
    }
  }
  if (!hasHeader(headers, 'accept')) headers.push('accept', '*/*');
  if (!hasHeader(headers, 'user-agent')) headers.push('user-agent', 'mcp-tls');
  if (!hasHeader(headers, 'accept-encoding')) headers.push('accept-encoding', acceptedEncodings());
}

/** The caller's function may fail, and say anything in its error; or take its time. */
async function ask<T>(
  what: 'auth' | 'headers',
  question: () => T | Promise<T>,
  signals: readonly AbortSignal[],
  running: Running,
): Promise<T> {
  try {
    const given = question();
    return given instanceof Promise ? await untilEnded(given, signals, running) : given;
  } catch (cause) {
    throw cause instanceof McpTlsError ? cause : requestError(`the ${what} function failed`, cause);
  }
}

/** Until a signal aborts, or the client is closed. */
async function untilEnded<T>(
  promise: Promise<T>,
  signals: readonly AbortSignal[],
  running: Running,
): Promise<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    // With nothing: the reason is read from the signal, or from what is running.
    abort = () => reject();
  });
  const waiting = { abort };
  running.exchanges.add(waiting);
  for (const signal of signals) signal.addEventListener('abort', abort);
  if (running.closed !== undefined || signals.some(({ aborted: is }) => is)) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    running.exchanges.delete(waiting);
    for (const signal of signals) signal.removeEventListener('abort', abort);
  }
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
  if (url.protocol !== 'http:') return requestError(`the scheme '${url.protocol}' is not https:`);
  const { host, port } = addressOf(url);
  const words = TRUST_WORDS.MCP_TLS_PLAIN_HTTP_REFUSED;
  return new TlsTrustError(
    'MCP_TLS_PLAIN_HTTP_REFUSED',
    `${atHost(host, port)}: ${words.meaning}`,
    {
      host,
      port,
      expected: 'an https: URL',
      presented: 'an http: URL',
      hint: words.hint,
    },
  );
}
