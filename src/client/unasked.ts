import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { TlsTrustError } from '../errors.js';
import { listIt } from './other-origins.js';
import type { Destination } from './pools.js';
import { refuseUnasked } from './refuse-unasked.js';
import type { RequestBody } from './request-body.js';
import { requestError } from './request-error.js';
import type { HeaderList } from './request-headers.js';

/** A request that is about to be sent. */
interface Unasked {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: RequestBody | null;
  readonly destination: Destination;
}

/**
 * Refuses what is not to be asked at all, before anything is looked up or connected to, and reports it as other
 * refusals are.
 *
 * @param id of the registered server, to be reported
 * @throws {TlsTrustError} `MCP_TLS_PLAIN_HTTP_REFUSED`; `MCP_TLS_ADDRESS_REFUSED` if the list of origins is closed,
 *   and this is not in it, or asks the server itself for a token
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for other schemes
 */
export function assertMayBeAsked(request: Unasked, id: string | undefined): void {
  const error = refusalOf(request);
  if (error !== undefined) refuseUnasked(error, id);
}

function refusalOf(request: Unasked): TlsTrustError | undefined {
  const { url, destination } = request;
  if (url.protocol === 'http:') return plainHttpRefused(url);
  if (url.protocol !== 'https:') throw requestError(`the scheme '${url.protocol}' is not https:`);
  if (destination.unlisted === 'refused') return notListed(url);
  return destination.givesNoTokens && asksForToken(request)
    ? noAuthorizationServer(url)
    : undefined;
}

/** RFC 6749 §4: a form with a grant type, which carries a code, a refresh token or a client's secret. */
function asksForToken({ method, headers, body }: Unasked): boolean {
  if (method !== 'POST' || typeof body !== 'string') return false;
  const at = headers.indexOf('content-type');
  const isForm = at !== -1 && headers[at + 1]?.startsWith('application/x-www-form-urlencoded');
  return isForm === true && new URLSearchParams(body).has('grant_type');
}

function plainHttpRefused(url: URL): TlsTrustError {
  const { host, port } = addressOf(url);
  const { meaning, hint } = TRUST_WORDS.MCP_TLS_PLAIN_HTTP_REFUSED;
  return new TlsTrustError('MCP_TLS_PLAIN_HTTP_REFUSED', `${atHost(host, port)}: ${meaning}`, {
    ...{ host, port, hint },
    expected: 'an https: URL',
    presented: 'an http: URL',
  });
}

function notListed(url: URL): TlsTrustError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: is not the origin of the server, and not in \`origins\``;
  const hint = `Only a peer named it. If it is right, ${listIt(url)}.`;
  return new TlsTrustError('MCP_TLS_ADDRESS_REFUSED', message, { host, port, hint });
}

/** With a list of other origins, who the authorization server is has been said, and it is not the server. */
function noAuthorizationServer(url: URL): TlsTrustError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: is asked for no token: its authorization server is one of those in \`origins\``;
  const hint =
    'It named itself, or its metadata was not there. A server that is its own authorization server has no other origins in its list: give `origins: {}`.';
  return new TlsTrustError('MCP_TLS_ADDRESS_REFUSED', message, { host, port, hint });
}
