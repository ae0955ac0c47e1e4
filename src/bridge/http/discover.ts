import type { Upstream } from '../upstream.js';
import type { Addresses } from './addresses.js';
import { rewriteDocument } from './oauth.js';
import type { Paths } from './paths.js';
import { readDocument } from './read-document.js';

/** More than any resource has. */
const MAX_SERVERS = 3;
const TIMEOUT_MS = 10_000;

/**
 * Reads the server's documents about its authorization, as a client would, so that the endpoints in them can be asked:
 * a client that has read them over an earlier bridge at this address does not read them again. What is not
 * there or cannot be read names nothing.
 */
export async function discover(
  upstream: Upstream,
  addresses: Addresses,
  paths: Paths,
): Promise<void> {
  const { origin, pathname } = upstream.url;
  const resource = '/.well-known/oauth-protected-resource';
  const read = (path: string): Promise<string | undefined> => readAt(upstream, origin + path);
  const about = (await read(`${resource}${pathname}`)) ?? (await read(resource)) ?? '{}';
  rewriteDocument(about, addresses, paths);
  for (const issuer of issuersIn(about, origin).slice(0, MAX_SERVERS)) {
    const path = new URL(issuer).pathname.replace(/\/$/, '');
    const document =
      (await read(`/.well-known/oauth-authorization-server${path}`)) ??
      (await read(`/.well-known/openid-configuration${path}`)) ??
      (await read(`${path}/.well-known/openid-configuration`));
    if (document !== undefined) rewriteDocument(document, addresses, paths);
  }
}

async function readAt(upstream: Upstream, url: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { accept: 'application/json' };
    const answer = await upstream.fetch(url, { method: 'GET', headers, signal });
    if (answer.ok) return await readDocument(answer);
    await answer.body?.cancel();
  } catch {
    // The request that it is for is refused, as to a path that nobody has named.
  }
  return undefined;
}

/** Those at the server itself; without a document, as of old, the server's own. */
function issuersIn(document: string, origin: string): readonly string[] {
  try {
    const { authorization_servers: servers } = JSON.parse(document) as Record<string, unknown>;
    if (!Array.isArray(servers)) return [origin];
    return servers.filter(
      (one) => typeof one === 'string' && URL.canParse(one) && new URL(one).origin === origin,
    );
  } catch {
    return [];
  }
}
