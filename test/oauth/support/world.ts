import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { createMcpApplication } from '../../../src/testing/mcp-application.js';
import { PARTY_NAMES, type Party, type PartyName, startParties } from './parties.js';

/** One request as it was read, whole. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers a request, or leaves it to what is usual (`undefined`). */
export type Behaviour = (
  request: Seen,
  response: ServerResponse,
  world: World,
) => true | undefined | Promise<true | undefined>;

/** What each does before what is usual. */
export interface WorldOptions extends Readonly<Partial<Record<PartyName, Behaviour>>> {
  /** Where the MCP server says that its metadata is; default its own well-known path. */
  readonly metadataUrl?: string | ((world: World) => string);
}

/**
 * An MCP server, its authorization server, and others that they may lead to: names on 127.0.0.1, each with a
 * certificate of its own. Access tokens are taken once they were given out; refresh tokens rotate, and a second use
 * revokes the family (RFC 9700 §4.14.2).
 */
export class World implements AsyncDisposable, Readonly<Record<PartyName, Party>> {
  readonly mcp: Party;
  readonly as: Party;
  readonly evil: Party;
  readonly internal: Party;
  readonly elsewhere: Party;
  readonly meta: Party;
  readonly accessTokens = new Set<string>();
  readonly refreshTokens = new Set<string>();
  /** What the token endpoint was asked for, and how it answered. */
  readonly grants: string[] = [];
  /** A refresh token was used twice: none is taken any more. */
  revoked = false;
  readonly #application = createMcpApplication({
    ...{ streamableHttp: true, sse: true, jsonResponse: true, resumable: false },
    ...{ retryMs: undefined, requireBearer: undefined },
  });
  readonly #options: WorldOptions;
  readonly #used = new Set<string>();

  static async start(options: WorldOptions = {}): Promise<World> {
    let world: World | undefined;
    const parties = await startParties(
      (name, seen) => async (request, response) =>
        (world as World).handle(name, seen, request, response),
    );
    world = new World(parties, options);
    return world;
  }

  private constructor(parties: Readonly<Record<PartyName, Party>>, options: WorldOptions) {
    this.mcp = parties.mcp;
    this.as = parties.as;
    this.evil = parties.evil;
    this.internal = parties.internal;
    this.elsewhere = parties.elsewhere;
    this.meta = parties.meta;
    this.#options = options;
  }

  /** Every name of the world is at 127.0.0.1. */
  readonly lookup: LookupFunction = (_host, options, done) => {
    if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else done(null, '127.0.0.1', 4);
  };

  get httpUrl(): string {
    return `${this.mcp.origin}/mcp`;
  }
  get sseUrl(): string {
    return `${this.mcp.origin}/sse`;
  }
  get metadataUrl(): string {
    const { metadataUrl } = this.#options;
    const given = typeof metadataUrl === 'function' ? metadataUrl(this) : metadataUrl;
    return given ?? `${this.mcp.origin}/.well-known/oauth-protected-resource`;
  }

  /** All that is asked for is answered at once, and counted. */
  async handle(
    whose: PartyName,
    seen: Seen[],
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { method = '', url: path = '/', headers } = request;
    const isMcp = whose === 'mcp' && /^\/(mcp|sse|messages)/.test(path);
    const body = isMcp ? '' : await textOf(request);
    const one: Seen = { method, path, headers, body };
    seen.push(one);
    if ((await this.#options[whose]?.(one, response, this)) === true) {
      request.resume();
      return;
    }
    if (whose === 'as' || whose === 'evil') this.authorize(one, response, this[whose]);
    else if (whose === 'mcp') await this.#serve(one, request, response);
    else if (whose === 'meta') this.#describe(response);
    else json(response, 200, { access_token: 'INTERNAL-TOKEN', token_type: 'Bearer' });
  }

  async #serve(one: Seen, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    if (one.path.startsWith('/.well-known/oauth-protected-resource'))
      return this.#describe(response);
    const isMcp = /^\/(mcp|sse|messages)/.test(one.path);
    if (!isMcp) return json(response, 404, { error: 'not_found' });
    const token = one.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (this.accessTokens.has(token)) return this.#application.handle(request, response);
    request.resume();
    return this.challenge(response, 401);
  }

  #describe(response: ServerResponse): true {
    const authorization_servers = [this.as.origin];
    return json(response, 200, { resource: this.mcp.origin, authorization_servers });
  }

  challenge(response: ServerResponse, status: 401 | 403, more = ''): true {
    const value = `Bearer resource_metadata="${this.metadataUrl}"${more}`;
    response.setHeader('www-authenticate', value);
    return json(response, status, { error: 'invalid_token' });
  }

  /** The authorization server as it should be. The hostile one takes any refresh token. */
  authorize({ path, body }: Seen, response: ServerResponse, party: Party = this.as): true {
    const issuer = party.origin;
    if (path.startsWith('/.well-known/oauth-authorization-server')) {
      return json(response, 200, metadataOf(issuer));
    }
    if (path === '/register') {
      return json(response, 201, { ...JSON.parse(body), client_id: 'registered' });
    }
    if (path !== '/token') return json(response, 404, { error: 'not_found' });
    const form = new URLSearchParams(body);
    const grant = form.get('grant_type') ?? '';
    const refresh = form.get('refresh_token') ?? '';
    if (grant === 'refresh_token' && party === this.as && !this.#take(refresh)) {
      this.grants.push(`${grant}: refused`);
      return json(response, 400, { error: 'invalid_grant' });
    }
    this.grants.push(grant);
    return json(response, 200, this.issue(party === this.as ? 'as' : 'evil'));
  }

  /** Gives out a pair of tokens. */
  issue(whose: PartyName = 'as'): Record<string, unknown> {
    const access_token = randomUUID();
    const refresh_token = `${whose === 'as' ? 'REFRESH' : whose}-${randomUUID()}`;
    this.accessTokens.add(access_token);
    this.refreshTokens.add(refresh_token);
    return { access_token, refresh_token, token_type: 'Bearer', expires_in: 3600 };
  }

  #take(refresh: string): boolean {
    if (this.#used.has(refresh)) {
      this.revoked = true;
      this.refreshTokens.clear();
      this.accessTokens.clear();
    }
    this.#used.add(refresh);
    return this.refreshTokens.delete(refresh);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#application.forgetSessions();
    await Promise.all(PARTY_NAMES.map((name) => this[name].server.close()));
  }
}

export function metadataOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
  };
}

export function json(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  return true;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
