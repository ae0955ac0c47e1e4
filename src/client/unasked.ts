import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { aboutConnection, publish } from '../diagnostics.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { TlsTrustError } from '../errors.js';
import { listIt } from './other-origins.js';
import type { Destination } from './pools.js';
import { requestError } from './request-error.js';

/**
 * Refuses what is not to be asked at all, before anything is looked up or connected to, and reports it as other
 * refusals are.
 *
 * @param id of the registered server, to be reported
 * @throws {TlsTrustError} `MCP_TLS_PLAIN_HTTP_REFUSED`; `MCP_TLS_ADDRESS_REFUSED` if the list of origins is closed,
 *   and this is not in it
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for other schemes
 */
export function assertMayBeAsked(url: URL, destination: Destination, id: string | undefined): void {
  const error = refusalOf(url, destination);
  if (error === undefined) return;
  const { code, message, host, port, expected, presented } = error;
  publish('mcp-tls:refused', () => ({
    ...aboutConnection(id, { host, port }),
    ...{ code, message, expected, presented, durationMs: 0 },
  }));
  throw error;
}

function refusalOf(url: URL, { unlisted }: Destination): TlsTrustError | undefined {
  if (url.protocol === 'http:') return plainHttpRefused(url);
  if (url.protocol !== 'https:') throw requestError(`the scheme '${url.protocol}' is not https:`);
  return unlisted === 'refused' ? notListed(url) : undefined;
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
