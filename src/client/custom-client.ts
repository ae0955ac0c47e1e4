import { Bag } from '../bag.js';
import { TlsTrustError } from '../errors.js';
import { type Begun, GO_ON } from './begun-request.js';
import { completeHeaders, type OwnHeaders } from './complete-headers.js';
import type { Answer, Running } from './exchange-request.js';
import { closedError, failed, toFetchError } from './fetch-error.js';
import { loadedUndici, loadUndici } from './load-undici.js';
import { makeResponse } from './make-response.js';
import { adviseToList, isOwnOrigin, timeoutsFor } from './other-origins.js';
import type { Destination, Pools } from './pools.js';
import { type FetchRequest, readRequest } from './read-request.js';
import { redirectTarget } from './redirect.js';
import { reportedExchange } from './reported-exchange.js';
import { abortedOf } from './signals.js';
import { StreamBody } from './stream-body.js';
import { LIMITS, type Timeouts } from './timeouts.js';
import { type TotalLimit, totalLimit } from './total-limit.js';
import { assertMayBeAsked } from './unasked.js';

/**
 * A `fetch` for one server, usable wherever a fetch-like function is asked for.
 *
 * Reads its arguments as the Fetch Standard says, and refuses by name what it cannot do; docs/fetch.md
 * lists every difference. Rejects as `fetch` does, before the answer and within its body: with the
 * signal's reason if aborted, otherwise with a TypeError whose message states the reason and whose
 * `cause` is ours: `TlsTrustError`, `TlsConnectionError` or `TlsConfigError`.
 */
export interface CustomClient extends AsyncDisposable {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Ends the client's requests, those that stream included. The factory's connections stay. */
  close(): Promise<void>;
}

/** What a client closes over: checked, complete. */
export interface CustomClientParts extends OwnHeaders {
  readonly pools: Pools;
  readonly destinationOf: (origin: string) => Destination;
  readonly timeouts: Timeouts;
  /** For origins other than the server's own. */
  readonly timeoutsOfOthers: Timeouts;
  /** What `text()` and the like read of an answer of that origin at most; 0 for all. */
  readonly maxBodyBytesFor: (origin: string) => number;
  readonly signal: AbortSignal | undefined;
}

/** Makes a client over its factory's pools. Opens nothing. */
export function makeCustomClient(parts: CustomClientParts): CustomClient {
  if (parts.pools.closing) throw closedError('the client factory is closed');
  const running: Running = { exchanges: new Bag(), closed: undefined };

  const client = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    run(input, init);

  async function run(
    input: string | URL | Request,
    init: RequestInit | undefined,
    begun?: Begun,
  ): Promise<Response> {
    let request: FetchRequest | undefined;
    let signals = NO_SIGNALS;
    let limit = begun?.limit;
    let done = (): void => {};
    try {
      done = parts.pools.begin();
      request = await readRequest(input, init, begun?.url);
      // It never ends: nobody who closes waits for it.
      const { origin } = request.url;
      const isStanding = isOwnOrigin(parts, origin) && isStandingStream(request);
      if (isStanding) done();
      limit ??= totalLimit(timeoutsFor(parts, origin).totalMs, request.url);
      signals = signalsOf(request.signal, parts.signal, limit?.signal);
      const response = await follow({
        parts,
        request,
        signals,
        running,
        limit,
        done,
        sent: request.headers,
      });
      // What bounds it is the pause between two pieces.
      if (isStanding) limit?.end();
      return response;
    } catch (error) {
      limit?.end();
      done();
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

  async function close(): Promise<void> {
    running.closed ??= failed(closedError('the client is closed'));
    for (const one of running.exchanges.items) one.abort(running.closed);
  }

  const ours = { [LIMITS]: parts.timeouts, [GO_ON]: run };
  return Object.assign(client, { close, [Symbol.asyncDispose]: close }, ours);
}

/** A GET that asks for an event stream: nothing is sent, and the answer has no end. */
function isStandingStream({ method, headers }: FetchRequest): boolean {
  if (method !== 'GET') return false;
  const at = headers.indexOf('accept');
  return at !== -1 && headers[at + 1]?.includes('text/event-stream') === true;
}

/** What was wrong at an origin that only a peer named is not to be mended at the server's own policy. */
function adviseOnOrigin(
  error: unknown,
  { destinationOf }: CustomClientParts,
  url: URL | undefined,
): unknown {
  const ours = error instanceof TypeError ? error.cause : error;
  if (!(ours instanceof TlsTrustError) || url === undefined) return error;
  const { unlisted } = destinationOf(url.origin);
  return unlisted === undefined || unlisted === 'refused' ? error : adviseToList(ours, url);
}

/** For errors in the arguments, which name no host. */
const NO_URL = new URL('https://invalid/');

/** Any failure after that is because of it. */
function closedWith(pools: Pools): TypeError | undefined {
  return pools.closed ? failed(closedError('the client factory is closed')) : undefined;
}

const NO_SIGNALS: readonly AbortSignal[] = [];

function signalsOf(...given: readonly (AbortSignal | undefined)[]): readonly AbortSignal[] {
  const signals = given.filter((one) => one !== undefined);
  return signals.length === 0 ? NO_SIGNALS : signals;
}

/** A request under way, and what ends it. */
interface Sending {
  readonly parts: CustomClientParts;
  readonly request: FetchRequest;
  readonly signals: readonly AbortSignal[];
  readonly running: Running;
  readonly limit: TotalLimit | undefined;
  /** Nothing more of it is to come. */
  readonly done: () => void;
  /** The headers of what was sent last. */
  sent: FetchRequest['headers'];
}

/** Sends the request, and again wherever a redirect leads that may be followed. */
async function follow(sending: Sending): Promise<Response> {
  const { request } = sending;
  let url = request.url;
  for (let redirects = 0; ; redirects++) {
    const leg = { isLast: false, hasEnded: false };
    const answer = await send(sending, url, () => {
      leg.hasEnded = true;
      if (leg.isLast) sending.done();
    });
    const { status, headers } = answer;
    const target = await orCancel(answer, () =>
      redirectTarget(
        request,
        url,
        { status, location: headers.location },
        redirects,
        sending.sent,
        sending.parts.pools.id,
      ),
    );
    if (target === undefined) {
      leg.isLast = true;
      if (leg.hasEnded) sending.done();
      return makeResponse(answer, url, redirects > 0);
    }
    await discard(answer);
    url = target;
  }
}

async function send(sending: Sending, url: URL, onEnded: () => void): Promise<Answer> {
  const { parts, request, signals, running, limit } = sending;
  limit?.begin(performance.now(), url);
  const { origin } = url;
  const timeouts = timeoutsFor(parts, origin);
  const { method, body } = request;
  // What a function gave for one redirect is not for the next.
  const headers = typeof parts.headers === 'function' ? [...request.headers] : request.headers;
  sending.sent = headers;
  const destination = parts.destinationOf(origin);
  assertMayBeAsked({ url, method, headers, body, destination }, parts.pools.id);
  const leg = { url, origin, method, headers, body };
  const { pools } = parts;
  const completing = completeHeaders(leg, parts, { pools, signals, running });
  if (completing !== undefined) await completing;
  const maxBodyBytes = parts.maxBodyBytesFor(origin);
  const closed = (): Error | undefined => closedWith(parts.pools);
  const ended = (): void => {
    limit?.end();
    onEnded();
  };
  const undici = loadedUndici() ?? (await loadUndici());
  const connections = parts.pools.get(destination, timeouts.connectMs, origin, undici);
  return reportedExchange(
    connections,
    // Each by its name: to spread some of them makes an object that the engine looks up by name.
    {
      url,
      origin,
      method,
      headers,
      body,
      timeouts,
      signals,
      running,
      maxBodyBytes,
      closed,
      ended,
    },
    parts.pools.id,
  );
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
