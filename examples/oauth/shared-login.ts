import { setTimeout as pause } from 'node:timers/promises';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { type CertificateStore, McpTlsError } from 'mcp-tls';
import { createStoredCertificate } from 'mcp-tls/store';

/**
 * One login that several gateway processes share. A refresh token works once: whoever uses it a second time has all
 * of the login revoked (RFC 9700 §4.14.2). Within one process a transport of mcp-tls sends one refresh at a time;
 * across processes one of them has to be chosen, here by the store's compare-and-set: whoever writes its claim over
 * the revision that it has read refreshes, and the others wait for what it stores.
 *
 * The login is kept, encrypted, in the labels of a record in a store **of its own**: give that a `namespace` that no
 * registry lists.
 */
export interface SharedLoginOptions {
  readonly store: CertificateStore;
  /** Of the login: a user and a server. */
  readonly id: string;
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  /** Sends the user there. */
  readonly onRedirect: (url: URL) => void | Promise<void>;
  /** Asks for new tokens: the SDK's `refreshAuthorization`, with a fetch that trusts the authorization server. */
  readonly refresh: (login: Login, refreshToken: string) => Promise<OAuthTokens>;
  /** After so long another process may take a refresh over whose process has died. */
  readonly claimMs?: number;
}

/** What is stored. Whole: the SDKs say in `issuer` which authorization server it belongs to. */
export interface Login {
  readonly client?: OAuthClientInformationMixed;
  readonly tokens?: OAuthTokens;
  /** Epoch milliseconds. */
  readonly expiresAt?: number;
  readonly verifier?: string;
  /** A process refreshes until then. */
  readonly claimedUntil?: number;
}

interface Read {
  readonly login: Login;
  readonly revision: number;
}

/** Tokens are refreshed so long before they expire. */
const EARLY_MS = 30_000;
const LOOK_AGAIN_MS = 50;

export class SharedLogin implements OAuthClientProvider {
  readonly #options: SharedLoginOptions;

  constructor(options: SharedLoginOptions) {
    this.#options = options;
  }

  get redirectUrl(): string {
    return this.#options.redirectUrl;
  }
  get clientMetadata(): OAuthClientMetadata {
    return this.#options.clientMetadata;
  }

  async clientInformation(): Promise<OAuthClientInformationMixed | undefined> {
    return (await this.#read()).login.client;
  }
  async saveClientInformation(client: OAuthClientInformationMixed): Promise<void> {
    await this.#change((login) => ({ ...login, client }));
  }
  async saveTokens(tokens: OAuthTokens): Promise<void> {
    await this.#change((login) => withTokens(login, tokens));
  }
  async saveCodeVerifier(verifier: string): Promise<void> {
    await this.#change((login) => ({ ...login, verifier }));
  }
  async codeVerifier(): Promise<string> {
    const { verifier } = (await this.#read()).login;
    if (verifier === undefined) throw new Error('no login was begun');
    return verifier;
  }
  async redirectToAuthorization(url: URL): Promise<void> {
    await this.#options.onRedirect(url);
  }
  async invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery') {
    await this.#change(({ client, tokens, expiresAt, verifier }) => ({
      ...(client && scope !== 'all' && scope !== 'client' && { client }),
      ...(tokens && scope !== 'all' && scope !== 'tokens' && { tokens, expiresAt }),
      ...(verifier && scope !== 'all' && scope !== 'verifier' && { verifier }),
    }));
  }

  /** Those that are stored, refreshed by one process if they are about to expire. */
  async tokens(): Promise<OAuthTokens | undefined> {
    for (;;) {
      const read = await this.#read();
      const { tokens, expiresAt = Infinity, claimedUntil = 0 } = read.login;
      if (tokens?.refresh_token === undefined || Date.now() < expiresAt - EARLY_MS) return tokens;
      if (Date.now() < claimedUntil) await pause(LOOK_AGAIN_MS);
      else if (await this.#claim(read)) return this.#refresh(read.login, tokens.refresh_token);
    }
  }

  /**
   * What the SDK refreshes itself, because the server refused a token before its time, is refreshed by one process
   * after the other, each with the refresh token that is the newest then.
   */
  async addClientAuthentication(_headers: Headers, params: URLSearchParams): Promise<void> {
    if (params.get('grant_type') === 'refresh_token') {
      let read = await this.#read();
      while (Date.now() < (read.login.claimedUntil ?? 0) || !(await this.#claim(read))) {
        await pause(LOOK_AGAIN_MS);
        read = await this.#read();
      }
      const newest = read.login.tokens?.refresh_token;
      if (newest !== undefined) params.set('refresh_token', newest);
    }
    const client = await this.clientInformation();
    if (client === undefined) return;
    params.set('client_id', client.client_id);
    if (client.client_secret !== undefined) params.set('client_secret', client.client_secret);
  }

  /** `false`: another process wrote first. */
  #claim({ login, revision }: Read): Promise<boolean> {
    const claimedUntil = Date.now() + (this.#options.claimMs ?? 30_000);
    return this.#write({ ...login, claimedUntil }, revision);
  }

  async #refresh(login: Login, refreshToken: string): Promise<OAuthTokens | undefined> {
    try {
      const tokens = await this.#options.refresh(login, refreshToken);
      const issuer = login.tokens?.issuer;
      await this.saveTokens(issuer === undefined ? tokens : { ...tokens, issuer });
      return tokens;
    } catch {
      // The SDK finds the token refused, and asks the user if a refresh of its own is refused as well.
      await this.#change(({ expiresAt: _, claimedUntil: __, ...rest }) => rest);
      return login.tokens;
    }
  }

  async #read(): Promise<Read> {
    const { record, revision } = await this.#options.store.read(this.#options.id);
    return { login: JSON.parse(record?.labels?.['login'] ?? '{}') as Login, revision };
  }

  /** Again, over what another process wrote meanwhile. */
  async #change(change: (login: Login) => Login): Promise<void> {
    for (;;) {
      const { login, revision } = await this.#read();
      if (await this.#write(change(login), revision)) return;
    }
  }

  async #write(login: Login, ifRevision: number): Promise<boolean> {
    const { store, id } = this.#options;
    const labels = { login: JSON.stringify(login) };
    const record = createStoredCertificate({ url: LOGIN_URL, trust: null, labels });
    try {
      await store.set(id, record, { ifRevision });
      return true;
    } catch (error) {
      if (error instanceof McpTlsError && error.code === 'MCP_TLS_STORE_CONFLICT') return false;
      throw error;
    }
  }
}

/** A record has one; nobody connects to it. */
const LOGIN_URL = 'https://login.invalid/';

function withTokens({ claimedUntil: _, ...login }: Login, given: OAuthTokens): Login {
  const refresh_token = given.refresh_token ?? login.tokens?.refresh_token;
  const tokens = { ...given, ...(refresh_token && { refresh_token }) };
  const { expires_in } = given;
  const { expiresAt: __, ...rest } = login;
  return expires_in === undefined
    ? { ...rest, tokens }
    : { ...rest, tokens, expiresAt: Date.now() + expires_in * 1_000 };
}
