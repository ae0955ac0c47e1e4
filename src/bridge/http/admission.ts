import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { splitWellKnown } from './addresses.js';
import { isPlainPath } from './plain-path.js';

/** By which a client that cannot have the token in its URL sends it. */
export const TOKEN_HEADER = 'mcp-tls-token';

/** Why a request is not carried. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405;
  readonly why: string;
}

/** A request that may be carried, as far as the bridge alone can say. */
export interface Admitted {
  /** The server's path, without the token. */
  readonly path: string;
  /** With its question mark, or nothing. */
  readonly query: string;
  readonly tokenIsInPath: boolean;
}

export interface AdmissionRules {
  readonly port: number;
  readonly token: string;
  /** Beside those of the bridge itself. */
  readonly allowedOrigins: ReadonlySet<string>;
}

/** Names of this machine, as a Host header has them. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Who may use the bridge. It serves a pinned server in the clear to whoever gets through here, so each of these
 * stands alone: a web page that resolves its own name to this machine fails by Host, one that posts to it by Origin,
 * another user of the machine by the token.
 */
export function admit(request: IncomingMessage, rules: AdmissionRules): Admitted | Refusal {
  const host = hostOf(request);
  if (host === undefined) return { status: 400, why: 'one Host header is wanted' };
  if (!LOOPBACK.some((name) => host === `${name}:${rules.port}`)) {
    return { status: 403, why: 'the Host is not this bridge' };
  }
  if (!mayAsk(request.headers.origin, rules)) {
    return { status: 403, why: 'the Origin is not allowed' };
  }
  const target = request.url ?? '';
  const at = target.indexOf('?');
  const [path, query] = at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at)];
  if (!isPlainPath(path) || target.includes('#')) {
    return { status: 400, why: 'the request target is not a plain path' };
  }
  return withToken(path, query, request, rules.token);
}

function hostOf({ rawHeaders }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && /^host$/i.test(rawHeaders[i - 1] ?? ''));
  return hosts.length === 1 ? hosts[0]?.toLowerCase() : undefined;
}

/** Programs send none. */
function mayAsk(origin: string | undefined, { port, allowedOrigins }: AdmissionRules): boolean {
  if (origin === undefined || allowedOrigins.has(origin)) return true;
  return LOOPBACK.some((name) => origin === `http://${name}:${port}`);
}

function withToken(
  path: string,
  query: string,
  request: IncomingMessage,
  token: string,
): Admitted | Refusal {
  const [known, rest] = splitWellKnown(path);
  const [, segment = '', after = ''] = /^\/([^/]*)(.*)$/s.exec(rest) ?? [];
  if (isToken(segment, token)) {
    return { path: `${known}${after}` || '/', query, tokenIsInPath: true };
  }
  const header = request.headers[TOKEN_HEADER];
  if (typeof header === 'string' && isToken(header, token)) {
    return { path, query, tokenIsInPath: false };
  }
  return { status: 401, why: 'the token of the bridge is wanted' };
}

/** Takes as long for a token that is wrong at its end as for one that is wrong at its start. */
function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
