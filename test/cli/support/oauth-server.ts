import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type HeldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../../src/testing/index.js';
import { createMcpApplication } from '../../../src/testing/mcp-application.js';

/** An MCP server that is its own authorization server, and insists on being named as the resource. */
export interface OAuthServer extends AsyncDisposable {
  readonly tls: TlsServer;
  readonly mcpUrl: string;
  /** What a person's browser does at the authorization endpoint: agree, and bring back a code. */
  agree(authorizationUrl: URL): string;
  /** Resources that were named at the token endpoint. */
  readonly resources: string[];
}

export async function startOAuthServer(certificate: HeldCertificate): Promise<OAuthServer> {
  const tokens = new Set<string>();
  const challenges = new Map<string, string>();
  const resources: string[] = [];
  const application = createMcpApplication({
    ...{ streamableHttp: true, sse: false, jsonResponse: false, resumable: false },
    ...{ retryMs: undefined, requireBearer: undefined },
  });
  const tls = await startTlsServer({ certificate, onRequest });

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = tls.url;
    const { pathname } = new URL(request.url ?? '/', origin);
    if (pathname === '/.well-known/oauth-protected-resource/mcp') {
      return json(response, 200, {
        resource: `${origin}/mcp`,
        authorization_servers: [`${origin}/as`],
      });
    }
    if (pathname === '/.well-known/oauth-authorization-server/as') {
      return json(response, 200, {
        issuer: `${origin}/as`,
        authorization_endpoint: `${origin}/as/authorize`,
        token_endpoint: `${origin}/as/token`,
        registration_endpoint: `${origin}/as/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
        service_documentation: `${origin}/help`,
      });
    }
    if (pathname === '/as/register') {
      const metadata = JSON.parse(await bodyOf(request)) as object;
      return json(response, 201, { ...metadata, client_id: randomUUID() });
    }
    if (pathname === '/as/token') {
      const form = new URLSearchParams(await bodyOf(request));
      resources.push(form.get('resource') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const isRight =
        form.get('resource') === `${origin}/mcp` &&
        challenges.get(form.get('code') ?? '') === challenge;
      if (!isRight) return json(response, 400, { error: 'invalid_target' });
      const token = randomUUID();
      tokens.add(token);
      return json(response, 200, { access_token: token, token_type: 'Bearer' });
    }
    if (tokens.has(request.headers.authorization?.replace('Bearer ', '') ?? '')) {
      return application.handle(request, response);
    }
    const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
    response.setHeader(
      'www-authenticate',
      `Bearer error="invalid_token", resource_metadata="${metadata}"`,
    );
    return json(response, 401, { error: 'invalid_token' });
  }

  return {
    tls,
    mcpUrl: `${tls.url}/mcp`,
    resources,
    agree(url) {
      const code = randomUUID();
      challenges.set(code, url.searchParams.get('code_challenge') ?? '');
      return code;
    },
    async [Symbol.asyncDispose]() {
      await application.forgetSessions();
      await tls.close();
    },
  };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
