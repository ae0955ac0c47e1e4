import { McpTlsError } from '../errors.js';
import type { Authorization } from './authorization.js';
import { acceptedEncodings } from './content-encoding.js';
import type { Running } from './exchange-request.js';
import { type HeaderSource, shownBody } from './header-source.js';
import type { Pools } from './pools.js';
import type { FetchRequest } from './read-request.js';
import { requestError } from './request-error.js';
import { addMissing, type HeaderList, hasHeader } from './request-headers.js';
import { untilOneAborts } from './signals.js';
import { withoutFragment } from './url-text.js';

/** What is sent to one URL. Its headers are this request's own. */
export interface Leg extends Pick<FetchRequest, 'url' | 'method' | 'body' | 'headers'> {
  readonly origin: string;
}

/** What a client adds to the requests to its own origin. */
export interface OwnHeaders {
  /** The one origin that the rest is for. */
  readonly ownOrigin: string | undefined;
  readonly headers: HeaderList | HeaderSource;
  readonly authorization: Authorization | undefined;
}

/** What ends the wait for a function of the caller's. */
export interface Ending {
  readonly pools: Pick<Pools, 'waiting' | 'closed'>;
  readonly signals: readonly AbortSignal[];
  readonly running: Running;
}

/**
 * Adds what is missing to the headers of a request. They are filled in place: a redirect never leaves the origin.
 *
 * @returns a promise only where a function of the caller's is to be asked
 */
export function completeHeaders(
  leg: Leg,
  own: OwnHeaders,
  ending: Ending,
): undefined | Promise<void> {
  const { ownOrigin, headers: defaults, authorization } = own;
  if (leg.origin === ownOrigin) {
    if (typeof defaults === 'function' || authorization !== undefined) {
      return addAnswers(leg, own, ending).then(() => addOurs(leg.headers));
    }
    addMissing(leg.headers, defaults);
  }
  addOurs(leg.headers);
  return undefined;
}

async function addAnswers(
  { url, method, body, headers }: Leg,
  { headers: defaults, authorization }: OwnHeaders,
  ending: Ending,
): Promise<void> {
  if (typeof defaults !== 'function') addMissing(headers, defaults);
  else {
    const request = { url: withoutFragment(url), method, body: shownBody(body) };
    addMissing(headers, await ask('headers', () => defaults(request), ending));
  }
  if (authorization !== undefined && !hasHeader(headers, 'authorization')) {
    const value = await ask('auth', authorization, ending);
    if (value !== undefined) headers.push('authorization', value);
  }
}

function addOurs(headers: string[]): void {
  if (!hasHeader(headers, 'accept')) headers.push('accept', '*/*');
  if (!hasHeader(headers, 'user-agent')) headers.push('user-agent', 'mcp-tls');
  if (!hasHeader(headers, 'accept-encoding')) headers.push('accept-encoding', acceptedEncodings());
}

/** The caller's function may fail, and say anything in its error; or take its time. */
async function ask<T>(
  what: 'auth' | 'headers',
  question: () => T | Promise<T>,
  ending: Ending,
): Promise<T> {
  try {
    const given = question();
    return given instanceof Promise ? await untilEnded(given, ending) : given;
  } catch (cause) {
    throw cause instanceof McpTlsError ? cause : requestError(`the ${what} function failed`, cause);
  }
}

/** Until a signal aborts, or the client or its factory is closed. */
async function untilEnded<T>(promise: Promise<T>, { pools, signals, running }: Ending): Promise<T> {
  // Without a reason: that is read from the signal, or from what was closed.
  const ending = new AbortController();
  const ofClient = running.exchanges.add(ending);
  const ofPools = pools.waiting.add(ending);
  if (running.closed !== undefined || pools.closed) ending.abort();
  try {
    return await untilOneAborts(promise, [...signals, ending.signal]);
  } finally {
    running.exchanges.delete(ofClient);
    pools.waiting.delete(ofPools);
  }
}
