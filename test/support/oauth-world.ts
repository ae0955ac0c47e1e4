import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { type HeldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';
import { createMcpApplication } from '../../src/testing/mcp-application.js';

/** An MCP server and its authorization server on two origins, each with a certificate of its own. */
export interface OAuthWorld extends AsyncDisposable {
  readonly mcp: TlsServer;
  readonly mcpUrl: string;
  readonly authorizationServer: TlsServer;
  /** Makes every access token given out so far invalid. */
  expireAccessTokens(): void;
  /** Makes every refresh token invalid: the next refresh is answered with `invalid_grant`. */
  revokeRefreshTokens(): void;
  /** What the user's browser would do at the authorization URL: agree, and come back with a code. */
  agree(authorizationUrl: URL): string;
  /** Grant types that the token endpoint was asked for, and how it answered. */
  readonly grants: readonly string[];
}

export async function startOAuthWorld(certificates: {
  readonly mcp: HeldCertificate;
  readonly authorizationServer: HeldCertificate;
}): Promise<OAuthWorld> {
  const accessTokens = new Set<string>();
  const refreshTokens = new Set<string>();
  const challenges = new Map<string, string>();
  const grants: string[] = [];

  const authorizationServer = await startTlsServer({
    certificate: certificates.authorizationServer,
    async onRequest(request, response) {
      const issuer = authorizationServer.url;
      const { pathname } = new URL(request.url ?? '/', issuer);
      if (pathname.startsWith('/.well-known/oauth-authorization-server')) {
        return json(response, 200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          registration_endpoint: `${issuer}/register`,
          response_types_supported: ['code'],
          grant_types_supported: ['authorization_code', 'refresh_token'],
          code_challenge_methods_supported: ['S256'],
          token_endpoint_auth_methods_supported: ['none'],
        });
      }
      if (pathname === '/register') {
        const metadata = JSON.parse(await bodyOf(request)) as object;
        return json(response, 201, { ...metadata, client_id: randomUUID() });
      }
      if (pathname !== '/token') return json(response, 404, { error: 'not_found' });
      const form = new URLSearchParams(await bodyOf(request));
      const grant = form.get('grant_type') ?? '';
      const granted =
        grant === 'refresh_token'
          ? refreshTokens.delete(form.get('refresh_token') ?? '')
          : challenges.get(form.get('code') ?? '') === s256(form.get('code_verifier') ?? '');
      grants.push(granted ? grant : `${grant}: invalid_grant`);
      if (!granted) return json(response, 400, { error: 'invalid_grant' });
      const [access, refresh] = [randomUUID(), randomUUID()];
      accessTokens.add(access);
      refreshTokens.add(refresh);
      return json(response, 200, {
        access_token: access,
        refresh_token: refresh,
        token_type: 'Bearer',
        expires_in: 3600,
      });
    },
  });

  const application = createMcpApplication({
    streamableHttp: true,
    sse: true,
    jsonResponse: false,
    resumable: false,
    retryMs: undefined,
    requireBearer: undefined,
  });
  const mcp = await startTlsServer({
    certificate: certificates.mcp,
    onRequest(request, response) {
      const metadata = '/.well-known/oauth-protected-resource';
      if (request.url?.startsWith(metadata)) {
        const authorization_servers = [authorizationServer.url];
        return json(response, 200, { resource: mcp.url, authorization_servers });
      }
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      if (accessTokens.has(token)) return application.handle(request, response);
      const challenge = `Bearer resource_metadata="${mcp.url}${metadata}"`;
      response.setHeader('www-authenticate', challenge);
      return json(response, 401, { error: 'invalid_token' });
    },
  });

  return {
    mcp,
    mcpUrl: `${mcp.url}/mcp`,
    authorizationServer,
    grants,
    expireAccessTokens: () => accessTokens.clear(),
    revokeRefreshTokens: () => refreshTokens.clear(),
    agree(authorizationUrl) {
      const code = randomUUID();
      challenges.set(code, authorizationUrl.searchParams.get('code_challenge') ?? '');
      return code;
    },
    async [Symbol.asyncDispose]() {
      await application.forgetSessions();
      await Promise.all([mcp.close(), authorizationServer.close()]);
    },
  };
}

/** An OAuth client that keeps everything in memory and shows what it was told to forget. */
export class MemoryOAuthProvider implements OAuthClientProvider {
  readonly redirectUrl = 'http://127.0.0.1:1/callback';
  readonly clientMetadata = { client_name: 'mcp-tls test', redirect_uris: [this.redirectUrl] };
  readonly invalidated: string[] = [];
  authorizationUrl: URL | undefined;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client;
  }
  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }
  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }
  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }
  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier(): string {
    return this.#verifier;
  }
  invalidateCredentials(scope: string): void {
    this.invalidated.push(scope);
    if (scope === 'tokens' || scope === 'all') this.#tokens = undefined;
    if (scope === 'client' || scope === 'all') this.#client = undefined;
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
