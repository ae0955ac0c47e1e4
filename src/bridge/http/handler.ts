import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorAnswer, isClearId, type RpcId, readMessages } from '../rpc.js';
import type { Upstream } from '../upstream.js';
import { Addresses } from './addresses.js';
import { type AdmissionRules, type Admitted, admit, TOKEN_HEADER } from './admission.js';
import { discover } from './discover.js';
import { forward } from './forward.js';
import { rewriteParameters } from './oauth.js';
import { keepToken } from './own-token.js';
import { isBehindIssuer, type PathKind, Paths } from './paths.js';
import { Refused, refuse } from './refused.js';

interface Deps {
  readonly upstream: Upstream;
  readonly rules: AdmissionRules;
  readonly report: (error: unknown) => void;
  readonly stallMs: number;
}

const METHODS: Readonly<Record<PathKind, readonly string[]>> = {
  mcp: ['GET', 'POST', 'DELETE'],
  messages: ['POST'],
  metadata: ['GET'],
  oauth: ['GET', 'POST'],
  authorize: ['GET'],
};

/** Between two looks at the server's documents. */
const DISCOVER_MS = 30_000;

/** For a page of an origin that was allowed. */
const FOR_PAGES = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': [
    'accept',
    'authorization',
    'content-type',
    'last-event-id',
    'mcp-method',
    'mcp-name',
    'mcp-protocol-version',
    'mcp-session-id',
    TOKEN_HEADER,
  ].join(', '),
  'access-control-max-age': '600',
};

/** Answers the requests of one bridge. */
export class HttpBridgeHandler {
  readonly #deps: Deps;
  readonly #paths: Paths;
  #discovery: { readonly at: number; readonly done: Promise<void> } | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#paths = new Paths(deps.upstream.url.pathname);
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that hangs up: what is under way ends by 'close'.
    request.on('error', () => {});
    response.on('error', () => {});
    let id: RpcId | undefined;
    try {
      const isPreflight = this.#allowPage(request, response);
      const admitted = admit(request, this.#deps.rules);
      if ('why' in admitted) {
        if (isPreflight && admitted.status === 401) return this.#answerPreflight(response);
        return refuse(request, response, admitted);
      }
      if (isPreflight) return this.#answerPreflight(response);
      const kind = await this.#kindOf(admitted, request.method);
      if (kind === undefined) {
        return refuse(request, response, { status: 404, why: 'the bridge has no such path' });
      }
      if (!METHODS[kind].includes(request.method ?? '')) {
        return refuse(request, response, { status: 405, why: 'the method is not carried' });
      }
      if (kind === 'authorize') return this.#sendOn(admitted, response);
      await forward({
        ...this.#deps,
        token: this.#deps.rules.token,
        ...{ paths: this.#paths, addresses: this.#addressesFor(admitted), admitted, kind },
        ...{ request, response },
        onBody: (body) => {
          id = idIn(body);
        },
      });
    } catch (error) {
      if (error instanceof Refused) return refuse(request, response, error);
      if (!request.socket.destroyed) this.#fail(error, id, response);
    }
  }

  /**
   * What is posted to a path that nobody has named yet may be for an endpoint in the server's documents, and a
   * document behind a path for an issuer in them.
   */
  async #kindOf(admitted: Admitted, method?: string): Promise<PathKind | undefined> {
    const kind = this.#paths.kindOf(admitted.path);
    const mayBeNamed = method === 'POST' || isBehindIssuer(admitted.path);
    if (kind !== undefined || !mayBeNamed) return kind;
    const now = performance.now();
    if (this.#discovery === undefined || now - this.#discovery.at > DISCOVER_MS) {
      const { upstream } = this.#deps;
      const done = discover(upstream, this.#addressesFor(admitted), this.#paths);
      this.#discovery = { at: now, done };
    }
    await this.#discovery.done;
    return this.#paths.kindOf(admitted.path);
  }

  #addressesFor({ host, tokenIsInPath }: Admitted): Addresses {
    const { upstream, rules } = this.#deps;
    const { port, token } = rules;
    return new Addresses(upstream.url.origin, { host, port, token, tokenIsInPath });
  }

  /** @returns whether it is only asked what may be asked */
  #allowPage({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = headers;
    if (origin === undefined || !this.#deps.rules.allowedOrigins.has(origin)) return false;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', 'mcp-session-id, www-authenticate');
    response.setHeader('vary', 'origin');
    return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
  }

  /** It has no token: a browser sends none with it. */
  #answerPreflight(response: ServerResponse): void {
    response.writeHead(204, FOR_PAGES).end();
  }

  /** A person's browser goes to the server itself, and means the server's resource. */
  #sendOn(admitted: Admitted, response: ServerResponse): void {
    const { upstream, rules } = this.#deps;
    const parameters = rewriteParameters(admitted.query.slice(1), this.#addressesFor(admitted));
    keepToken(rules.token, [admitted.path, parameters]);
    const location = new URL(upstream.url.origin + admitted.path);
    location.search = parameters;
    response.writeHead(302, { location: location.href, 'cache-control': 'no-store' }).end();
  }

  /** Of a client that is there: one that has gone gets no answer, and it was no fault. */
  #fail(error: unknown, id: RpcId | undefined, response: ServerResponse): void {
    this.#deps.report(error);
    // What was begun cannot become an error: the client must not take it for whole.
    if (response.headersSent) return void response.destroy();
    response.writeHead(502, { 'content-type': 'application/json' });
    response.end(errorAnswer(id ?? null, error));
  }
}

function idIn(body: string): RpcId | undefined {
  const [message, ...more] = readMessages(body) ?? [];
  return more.length === 0 && isClearId(message?.id) ? message?.id : undefined;
}
