import { BoundSecrets } from './bound-secrets.js';
import { Logins } from './logins.js';
import { TokenOrder } from './token-order.js';

/** What an application stores of one login, as both SDKs hand it over: `issuer` is their own addition. */
interface Tokens {
  readonly access_token?: unknown;
  readonly refresh_token?: unknown;
  readonly issuer?: unknown;
}

interface Client {
  readonly client_id?: unknown;
  readonly client_secret?: unknown;
  readonly issuer?: unknown;
}

/** The methods of an OAuth provider that store and give out what belongs to one authorization server. */
interface Keeper {
  tokens?(...given: unknown[]): unknown;
  saveTokens?(tokens: Tokens, ...more: unknown[]): unknown;
  clientInformation?(...given: unknown[]): unknown;
  saveClientInformation?(client: Client, ...more: unknown[]): unknown;
  discoveryState?(...given: unknown[]): unknown;
}

/**
 * Remembers of a provider which authorization server gave what it stores. The SDKs write that beside it, as
 * `issuer`, and send it to no other; where a provider drops the field, they send it to whatever the server names
 * next. Here it is put back for as long as the process knows.
 *
 * - Only what an authorization server really gave is remembered: what a provider had before, SDK v2 stamps with the
 *   name of the server that is asking, before it is sent.
 * - What a provider says itself stands.
 */
export class IssuerMemory {
  readonly #keeper: Keeper;
  #tokens: Tokens | undefined;
  #client: Client | undefined;
  /** As the provider gave them last. */
  #shownTokens: Tokens | undefined;
  #shownClient: Client | undefined;

  /** Origins of MCP servers that have named others as their authorization servers, and not themselves. */
  readonly elsewhere: Set<string> = new Set();
  readonly secrets: BoundSecrets = new BoundSecrets();
  readonly logins: Logins = new Logins();
  readonly order: TokenOrder = new TokenOrder();
  readonly #methods: ReadonlyMap<string | symbol, (...given: never[]) => unknown>;

  private constructor(provider: object) {
    this.#keeper = provider as Keeper;
    this.#methods = new Map<string, (...given: never[]) => unknown>([
      ['tokens', (...given) => this.#giveTokens(...given)],
      ['saveTokens', (tokens: Tokens, ...more) => this.#saveTokens(tokens, ...more)],
      ['clientInformation', (...given) => this.#giveClient(...given)],
      ['saveClientInformation', (client: Client, ...more) => this.#saveClient(client, ...more)],
      ['discoveryState', (...given) => this.#giveDiscovery(...given)],
    ]);
  }

  /** One for all transports of a provider: a login is often finished by another one than began it. */
  static of(provider: object): IssuerMemory {
    const present = MEMORIES.get(provider);
    if (present !== undefined) return present;
    const made = new IssuerMemory(provider);
    MEMORIES.set(provider, made);
    return made;
  }

  /** The method of the provider, with what is known put back; `undefined` for one that is none of these. */
  method(name: string | symbol): ((...given: never[]) => unknown) | undefined {
    return this.#methods.get(name);
  }

  async #giveTokens(...given: unknown[]): Promise<unknown> {
    const tokens = (await this.#keeper.tokens?.(...given)) as Tokens | undefined;
    this.#shownTokens = tokens;
    if (tokens) this.order.had(tokens);
    return isSameGrant(tokens, this.#tokens) ? stamped(tokens, this.#tokens?.issuer) : tokens;
  }

  #saveTokens(tokens: Tokens, ...more: unknown[]): unknown {
    return this.order.save(tokens, tokens.issuer, () => {
      if (isStamped(tokens) && !isSameTokens(tokens, this.#shownTokens)) {
        this.#tokens = tokens;
        this.#bindClient(this.#shownClient, tokens.issuer);
      }
      return this.#keeper.saveTokens?.(tokens, ...more);
    });
  }

  async #giveClient(...given: unknown[]): Promise<unknown> {
    const client = (await this.#keeper.clientInformation?.(...given)) as Client | undefined;
    this.#shownClient = client;
    return isSameClient(client, this.#client) ? stamped(client, this.#client?.issuer) : client;
  }

  #saveClient(client: Client, ...more: unknown[]): unknown {
    if (isStamped(client) && !isSameClient(client, this.#shownClient)) {
      this.#bindClient(client, client.issuer);
      this.#shownClient = client;
    }
    return this.#keeper.saveClientInformation?.(client, ...more);
  }

  /** Metadata that the provider kept, instead of which the SDK asks for none. */
  async #giveDiscovery(...given: unknown[]): Promise<unknown> {
    const state = (await this.#keeper.discoveryState?.(...given)) as
      | {
          readonly authorizationServerUrl?: string;
          readonly authorizationServerMetadata?: Readonly<Record<string, unknown>>;
        }
      | undefined;
    const { authorizationServerUrl: from, authorizationServerMetadata: metadata } = state ?? {};
    if (metadata && from !== undefined && URL.canParse(from)) {
      this.logins.read(new URL(from), metadata);
    }
    return state;
  }

  /** A public client has nothing that another server must not get, and may be the same everywhere. */
  #bindClient(client: Client | undefined, issuer: unknown): void {
    if (client?.client_secret === undefined) return;
    if (isSameClient(client, this.#client)) return;
    this.#client = { ...client, issuer };
  }
}

const MEMORIES = new WeakMap<object, IssuerMemory>();

function isStamped({ issuer }: { readonly issuer?: unknown }): boolean {
  return typeof issuer === 'string';
}

function stamped<T extends object>(value: T | undefined, issuer: unknown): T | undefined {
  return value === undefined || isStamped(value) ? value : { ...value, issuer };
}

function isSameGrant(a: Tokens | undefined, b: Tokens | undefined): boolean {
  if (!a || !b) return false;
  return a.refresh_token !== undefined && b.refresh_token !== undefined
    ? a.refresh_token === b.refresh_token
    : a.access_token === b.access_token;
}

/** Either may change alone: an authorization server may rotate one, and give the other again. */
function isSameTokens(a: Tokens, b: Tokens | undefined): boolean {
  return a.access_token === b?.access_token && a.refresh_token === b?.refresh_token;
}

function isSameClient(a: Client | undefined, b: Client | undefined): boolean {
  return !!a && !!b && a.client_id === b.client_id && a.client_secret === b.client_secret;
}
