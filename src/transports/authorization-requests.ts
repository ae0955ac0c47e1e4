import {
  type AuthorizationAnswer,
  objectOf,
  readMetadata,
  responseOf,
} from './authorization-answer.js';
import type { AuthorizationBudget } from './authorization-budget.js';
import { AuthorizationServers } from './authorization-servers.js';
import { BoundSecrets } from './bound-secrets.js';
import type { IssuerMemory } from './issuer-memory.js';
import { LoginRefusal } from './login-refusal.js';
import { hasCode } from './logins.js';
import type { RequestKind } from './request-kind.js';
import { TokenOrder } from './token-order.js';
import { TokenRequests } from './token-requests.js';

/** What a transport asks to be authorized, and what it has learned by it. */
export class AuthorizationRequests {
  readonly #budget: AuthorizationBudget;
  readonly #login: LoginRefusal;
  readonly #servers: AuthorizationServers;
  readonly #tokenRequests = new TokenRequests();
  #secrets = new BoundSecrets();
  #order = new TokenOrder();

  /** @param budget counts each token that was got */
  constructor(server: URL, budget: AuthorizationBudget) {
    this.#budget = budget;
    this.#login = new LoginRefusal(server);
    this.#servers = new AuthorizationServers(server);
  }

  /** Why a part of the authorization failed that the server asked for last, if any did. */
  get error(): Error | undefined {
    return this.#login.error;
  }

  /** The same, if nobody is to be sent to a login after it. */
  get refusal(): Error | undefined {
    return this.#login.refusal;
  }

  /** The server asks for an authorization. */
  begin(): void {
    this.#login.begin();
  }

  /** A person is sent to this login. */
  sentTo(login: URL): void {
    this.#servers.sentTo(login);
  }

  /** What is remembered of all transports of the OAuth provider. */
  share({ elsewhere, secrets, logins, order }: IssuerMemory): void {
    this.#order = order;
    this.#servers.share(elsewhere, logins);
    this.#secrets = secrets;
  }

  /** @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED`, or what was refused before it; whatever `send` throws */
  async request(
    kind: RequestKind,
    url: URL,
    init: RequestInit | undefined,
    send: () => Promise<Response>,
  ): Promise<Response> {
    try {
      this.#login.assertMayAsk(kind, url);
      this.#servers.assertMayAsk(kind, url, init);
      const isMetadata = kind !== 'token' && kind !== 'registration';
      if (isMetadata) return await this.#readMetadata(kind, url, send);
      if (kind === 'token') return await this.#requestTokens(url, init, send);
      return await this.#tokenRequests.request(url, init, send, () => {});
    } catch (error) {
      this.#login.failed(kind, error);
      throw error;
    }
  }

  async #requestTokens(
    url: URL,
    init: RequestInit | undefined,
    send: () => Promise<Response>,
  ): Promise<Response> {
    const order = this.#order.begin();
    const granted = ({ status, text }: AuthorizationAnswer, isFirst: boolean): void => {
      if (status >= 300) return;
      this.#budget.granted(performance.now());
      if (!isFirst) return;
      const tokens = objectOf(text) ?? {};
      const sent = init?.body instanceof URLSearchParams ? init.body.get('refresh_token') : null;
      this.#order.came(order, tokens, sent ?? undefined);
      this.#secrets.bind(tokens['refresh_token'], url);
    };
    const sending = this.#secrets.begin(url, init);
    try {
      const response = await this.#tokenRequests.request(url, init, send, granted);
      await sending.answered(response);
      if (response.ok && hasCode(init)) this.#servers.finished();
      return response;
    } catch (error) {
      sending.failed(error);
      throw error;
    }
  }

  async #readMetadata(
    kind: RequestKind,
    url: URL,
    send: () => Promise<Response>,
  ): Promise<Response> {
    const response = await send();
    const answer = await readMetadata(response, url);
    this.#servers.read(kind, url, response.ok ? objectOf(answer.text) : undefined);
    return responseOf(answer);
  }
}
