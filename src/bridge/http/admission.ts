import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { splitWellKnown } from './addresses.js';
import { hostsOf } from './loopback.js';
import { isPlainPath } from './plain-path.js';
import type { Refusal } from './refused.js';

/** By which a client that cannot have the token in its URL sends it. */
export const TOKEN_HEADER = 'mcp-tls-token';

/** A request that may be carried, as far as the bridge alone can say. */
export interface Admitted {
  /** The server's path, without the token. */
  readonly path: string;
  /** With its question mark, or nothing. */
  readonly query: string;
  readonly tokenIsInPath: boolean;
  /** By which name of this machine the client came, with the port. */
  readonly host: string;
}

export interface AdmissionRules {
  readonly port: number;
  readonly token: string;
  /** Beside those of the bridge itself. */
  readonly allowedOrigins: ReadonlySet<string>;
}

/**
 * Who may use the bridge. It serves a pinned server in the clear to whoever gets through here, so each of these
 * stands alone: a web page that resolves its own name to this machine fails by Host, one that posts to it by Origin,
 * another user of the machine by the token.
 */
export function admit(request: IncomingMessage, rules: AdmissionRules): Admitted | Refusal {
  const host = hostOf(request);
  if (host === undefined) return { status: 400, why: 'one Host header is wanted' };
  if (!hostsOf(rules.port).includes(host)) {
    return { status: 403, why: 'the Host is not this bridge' };
  }
  if (!mayAsk(request.headers.origin, rules)) {
    return { status: 403, why: 'the Origin is not allowed' };
  }
  const coding = request.headers['transfer-encoding'] ?? 'chunked';
  if (coding.trim().toLowerCase() !== 'chunked') {
    return { status: 400, why: 'the only transfer coding is chunked' };
  }
  const target = request.url ?? '';
  const at = target.indexOf('?');
  const [path, query] = at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at)];
  if (!isPlainPath(path) || target.includes('#')) {
    return { status: 400, why: 'the request target is not a plain path' };
  }
  const found = withoutToken(path, request, rules.token);
  if (found === undefined) return { status: 401, why: 'the token of the bridge is wanted' };
  return { ...found, query, host };
}

function hostOf({ rawHeaders }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && /^host$/i.test(rawHeaders[i - 1] ?? ''));
  return hosts.length === 1 ? hosts[0]?.toLowerCase() : undefined;
}

/** Programs send none. */
function mayAsk(origin: string | undefined, { port, allowedOrigins }: AdmissionRules): boolean {
  if (origin === undefined || allowedOrigins.has(origin)) return true;
  return hostsOf(port).some((host) => origin === `http://${host}`);
}

function withoutToken(
  path: string,
  request: IncomingMessage,
  token: string,
): Pick<Admitted, 'path' | 'tokenIsInPath'> | undefined {
  const [known, rest] = splitWellKnown(path);
  const [, segment = '', after = ''] = /^\/([^/]*)(.*)$/s.exec(rest) ?? [];
  if (isToken(segment, token)) return { path: `${known}${after}` || '/', tokenIsInPath: true };
  const header = request.headers[TOKEN_HEADER];
  const isInHeader = typeof header === 'string' && isToken(header, token);
  return isInHeader ? { path, tokenIsInPath: false } : undefined;
}

/** Takes as long for a token that is wrong at its end as for one that is wrong at its start. */
function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
