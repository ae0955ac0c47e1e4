/**
 * What a request of an SDK's transport is for.
 * - `message`, `stream`, `end`: MCP with the server itself.
 * - `token`: a request to a token endpoint, which carries a code, a refresh token or a client's secret.
 * - `registration`: of an OAuth client.
 * - `resource metadata`: where the server says who its authorization server is (RFC 9728).
 * - `authorization server metadata`: of RFC 8414, or OpenID Connect Discovery.
 */
export type RequestKind =
  | 'message'
  | 'stream'
  | 'end'
  | 'token'
  | 'registration'
  | 'resource metadata'
  | 'authorization server metadata';

/** @param server the URL of the MCP server */
export function kindOf(
  server: URL,
  input: string | URL,
  init: RequestInit | undefined,
): RequestKind {
  const method = init?.method ?? 'GET';
  if (method === 'POST') return kindOfPost(server, input, init?.body);
  if (method !== 'GET') return 'end';
  if (new Headers(init?.headers).get('accept')?.includes('text/event-stream')) return 'stream';
  return AUTHORIZATION_SERVER.test(new URL(input).pathname)
    ? 'authorization server metadata'
    : 'resource metadata';
}

/** As both SDKs build the paths: before or after that of the issuer. */
const AUTHORIZATION_SERVER = /\/\.well-known\/(oauth-authorization-server|openid-configuration)/;

/** The SDKs send messages as JSON text, token requests as a form, and registrations as JSON text again. */
function kindOfPost(server: URL, input: string | URL, body: unknown): RequestKind {
  if (body instanceof URLSearchParams) return 'token';
  if (typeof body !== 'string') return 'message';
  // In a text within JSON, these quotes are escaped. Over SSE, the server says where messages go.
  if (body.includes('"jsonrpc":"2.0"')) return 'message';
  // A server may name its own URL as that of registrations.
  const isOwn = String(input) === server.href;
  return isOwn && !body.includes('"redirect_uris":') ? 'message' : 'registration';
}

/** Whether it is MCP with the server itself, and no part of an authorization. */
export function isMcp(kind: RequestKind): boolean {
  return kind === 'message' || kind === 'stream' || kind === 'end';
}
