import { Buffer } from 'node:buffer';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { aboutConnection, publish } from '../diagnostics.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { TlsTrustError } from '../errors.js';
import type { FetchRequest } from './read-request.js';
import { StreamBody } from './stream-body.js';

/** As many as the Fetch Standard allows (§4.4). */
const MAX_REDIRECTS = 20;

/**
 * Where a redirect leads, if it may be followed; `undefined` if `response` is no redirect or is to
 * be returned as it is.
 *
 * Followed are, within the origin only, redirects that keep the request as it was. Everything else
 * would send the session, headers and body to somebody that the policy does not speak of, or in the
 * clear, or turn a POST into a GET.
 *
 * @param sent headers, names and values in turn: what a function gave too
 * @param id of the registered server, to be reported
 * @throws {TlsTrustError} `MCP_TLS_REDIRECT_REFUSED`
 */
export function redirectTarget(
  request: FetchRequest,
  from: URL,
  response: { readonly status: number; readonly location: string | readonly string[] | undefined },
  followed: number,
  sent: readonly string[],
  id?: string | undefined,
): URL | undefined {
  const { status, location } = response;
  if (!isRedirect(status) || location === undefined || request.redirect === 'manual') {
    return undefined;
  }
  const refuse = (why: string, to?: URL): never => {
    const { host, port } = addressOf(from);
    const where =
      to === undefined ? '' : ` to ${shownOrigin(to, sentWith(sent, request.body, from))}`;
    const message = `${atHost(host, port)}: its redirect (${status}${where}) is refused: ${why}`;
    publish('mcp-tls:redirect-refused', () => ({
      ...aboutConnection(id, { host, port }),
      message,
    }));
    throw new TlsTrustError('MCP_TLS_REDIRECT_REFUSED', message, {
      host,
      port,
      expected: `an answer from ${from.origin}`,
      presented: `${status}${where}`,
      hint: TRUST_WORDS.MCP_TLS_REDIRECT_REFUSED.hint,
    });
  };

  if (request.redirect === 'error') refuse("the request has redirect: 'error'");
  if (followed >= MAX_REDIRECTS) refuse(`more than ${MAX_REDIRECTS} in a row`);
  if (typeof location !== 'string') return refuse('it has several locations');
  const target = parseLocation(location, from) ?? refuse('its location is not a URL');
  if (target.protocol !== 'https:') refuse('it leaves https', target);
  if (target.origin !== from.origin) refuse('it leaves the origin', target);
  if (target.username !== '' || target.password !== '') refuse('its location has credentials');
  if (becomesGet(request.method, status))
    refuse(`it would turn ${request.method} into GET`, target);
  if (request.body instanceof StreamBody) {
    refuse('the body was a stream and cannot be sent again', target);
  }
  // Fetch Standard §4.4 step 10: the fragment stays unless the location brings one.
  if (target.hash === '') target.hash = from.hash;
  return target;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Fetch Standard §4.4 step 12. */
function becomesGet(method: string, status: number): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD';
  return method === 'POST' && (status === 301 || status === 302);
}

function parseLocation(location: string, from: URL): URL | undefined {
  try {
    return new URL(asUtf8(location), from);
  } catch {
    return undefined;
  }
}

/** Header bytes come as Latin-1; in a location they are UTF-8 (Fetch Standard §4.4, "location URL"). */
function asUtf8(location: string): string {
  return /[\x80-\xff]/.test(location) && !/[^\0-\xff]/.test(location)
    ? Buffer.from(location, 'latin1').toString('utf8')
    : location;
}

/** Of a label of a host: a name that people gave is shorter, and a token that was repeated there is not. */
const MAX_LABEL = 20;
/** What is as short says nothing of a secret. */
const MIN_SECRET = 4;

/**
 * An origin as its peer named it, for a message: nothing of the request is to be read in it. A scheme is text of the
 * peer's like any other.
 */
function shownOrigin({ protocol, hostname, port }: URL, sent: string): string {
  if (protocol !== 'https:' && protocol !== 'http:') return 'another scheme';
  const labels = hostname.split('.').slice(0, 10);
  const isToHide = (label: string): boolean =>
    label.length > MAX_LABEL || (label.length >= MIN_SECRET && sent.includes(label));
  const host = labels.map((one) => (isToHide(one) ? `(${one.length} characters)` : one));
  return `${protocol}//${host.join('.')}${port === '' ? '' : `:${port}`}`;
}

/** All that a peer may have repeated, in lower case, as hosts are. Names of headers and of hosts are known to all. */
function sentWith(headers: readonly string[], body: unknown, from: URL): string {
  const values = headers.filter((_, i) => i % 2 === 1);
  const decoded = values.map((value) => {
    const [, credentials] = /^basic (.+)$/i.exec(value) ?? [];
    return credentials === undefined ? '' : Buffer.from(credentials, 'base64').toString('utf8');
  });
  const text = typeof body === 'string' ? body : '';
  const path = `${from.pathname}${from.search}`;
  return [...values, ...decoded, path, text].join('\n').toLowerCase();
}
