import { randomUUID } from 'node:crypto';
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
  /**
   * After so long without a sign another process takes a refresh over whose process has died. More than a token request
   * may take, which is 30 s with mcp-tls; default 60 s.
   */
  readonly claimMs?: number;
}

/** What is stored. Whole: the SDKs say in `issuer` which authorization server it belongs to. */
export interface Login {
  readonly client?: OAuthClientInformationMixed;
  readonly tokens?: OAuthTokens;
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined;
  readonly verifier?: string;
  /** A process refreshes. Its name for that, another one with each sign of life. */
  readonly claim?: string | undefined;
}

interface Read {
  readonly login: Login;
  readonly revision: number;
}

/** Tokens are refreshed so long before they expire. */
const EARLY_MS = 30_000;
const LOOK_AGAIN_MS = 50;
/** Of saving new tokens: about a minute. */
const ATTEMPTS = 18;

export class SharedLogin implements OAuthClientProvider {
  readonly #options: SharedLoginOptions;
  /** The claim that was seen last, and since when: by this process's own clock, because others are wrong. */
  #seen: { readonly claim: string; readonly since: number } | undefined;
  /** The refresh token that the SDK has sent last, if what it saves next comes of that. */
  #sent: string | undefined;
  /** New tokens that the store does not have yet. The old ones are used up. */
  #unsaved: Promise<OAuthTokens> | undefined;

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
    await this.#keep(tokens, this.#sent);
  }
  async saveCodeVerifier(verifier: string): Promise<void> {
    // The SDK has a person log in: what it refreshed has failed.
    const isOver = this.#sent !== undefined;
    await this.#change((login) => ({ ...login, verifier, ...(isOver && { claim: undefined }) }));
    this.#sent = undefined;
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
    const sent = this.#sent;
    await this.#change(({ client, tokens, expiresAt, verifier }) => ({
      ...(client && scope !== 'all' && scope !== 'client' && { client }),
      // What was refused was the one that was sent, and no newer one.
      ...(tokens &&
        ((sent !== undefined && tokens.refresh_token !== sent) ||
          (scope !== 'all' && scope !== 'tokens')) && { tokens, expiresAt }),
      ...(verifier && scope !== 'all' && scope !== 'verifier' && { verifier }),
    }));
  }

  /** Those that are stored, refreshed by one process if they are about to expire. */
  async tokens(): Promise<OAuthTokens | undefined> {
    for (;;) {
      if (this.#unsaved !== undefined) return this.#unsaved;
      const read = await this.#read();
      const { tokens, expiresAt = Infinity } = read.login;
      if (tokens?.refresh_token === undefined || Date.now() < expiresAt - EARLY_MS) return tokens;
      const claim = await this.#claim(read);
      if (claim === undefined) await pause(LOOK_AGAIN_MS);
      else return this.#refresh({ ...read.login, claim }, tokens.refresh_token);
    }
  }

  /**
   * What the SDK refreshes itself, because the server refused a token before its time, is refreshed by one process
   * after the other, each with the refresh token that is the newest then.
   */
  async addClientAuthentication(_headers: Headers, params: URLSearchParams): Promise<void> {
    this.#sent = undefined;
    if (params.get('grant_type') === 'refresh_token') {
      await this.#unsaved;
      let read = await this.#read();
      while ((await this.#claim(read)) === undefined) {
        await pause(LOOK_AGAIN_MS);
        read = await this.#read();
      }
      this.#sent = read.login.tokens?.refresh_token;
      if (this.#sent !== undefined) params.set('refresh_token', this.#sent);
    }
    const client = await this.clientInformation();
    if (client === undefined) return;
    params.set('client_id', client.client_id);
    if (client.client_secret !== undefined) params.set('client_secret', client.client_secret);
  }

  get #claimMs(): number {
    return this.#options.claimMs ?? 60_000;
  }

  /** `undefined`: another process refreshes, or wrote first. */
  async #claim({ login, revision }: Read): Promise<string | undefined> {
    if (login.claim !== undefined) {
      if (this.#seen?.claim !== login.claim) {
        this.#seen = { claim: login.claim, since: performance.now() };
      }
      if (performance.now() - this.#seen.since < this.#claimMs) return undefined;
    }
    const claim = randomUUID();
    return (await this.#write({ ...login, claim }, revision)) ? claim : undefined;
  }

  async #refresh(login: Login, refreshToken: string): Promise<OAuthTokens | undefined> {
    const alive = this.#showLife(login);
    try {
      const tokens = await this.#options.refresh(login, refreshToken);
      const issuer = login.tokens?.issuer;
      const whole = issuer === undefined ? tokens : { ...tokens, issuer };
      const saving = this.#keep(whole, refreshToken).then(() => tokens);
      this.#unsaved = saving;
      return await saving.finally(() => {
        if (this.#unsaved === saving) this.#unsaved = undefined;
      });
    } catch {
      // The SDK finds the token refused, and asks the user if a refresh of its own is refused as well.
      await this.#change((stored) =>
        stored.tokens?.refresh_token === refreshToken
          ? { ...stored, expiresAt: undefined, claim: undefined }
          : stored,
      );
      return login.tokens;
    } finally {
      alive.abort();
    }
  }

  /** An authorization server may be slower than another process's patience. */
  #showLife({ claim: first }: Login): AbortController {
    const ending = new AbortController();
    const { signal } = ending;
    let claim = first;
    const show = async (): Promise<void> => {
      const { login, revision } = await this.#read();
      if (signal.aborted || login.claim !== claim) return ending.abort();
      const next = randomUUID();
      if (await this.#write({ ...login, claim: next }, revision)) claim = next;
    };
    const showing = async (): Promise<void> => {
      while (!signal.aborted) {
        await pause(this.#claimMs / 4, undefined, { signal, ref: false });
        // A store that fails now may do its work the next time.
        await show().catch(() => {});
      }
    };
    showing().catch(() => {});
    return ending;
  }

  /**
   * Stores new tokens, also if the store fails for a while: it has others that are used up.
   *
   * @param used the refresh token that they were got for. Where another one is stored by now, that is newer.
   */
  async #keep(tokens: OAuthTokens, used: string | undefined): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#change((login) =>
          used === undefined || login.tokens?.refresh_token === used
            ? withTokens(login, tokens)
            : login,
        );
        return;
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        await pause(Math.min(LOOK_AGAIN_MS * 2 ** attempt, 5_000));
      }
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
      const changed = change(login);
      if (changed === login || (await this.#write(changed, revision))) return;
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

function withTokens({ claim: _, ...login }: Login, given: OAuthTokens): Login {
  const refresh_token = given.refresh_token ?? login.tokens?.refresh_token;
  const tokens = { ...given, ...(refresh_token && { refresh_token }) };
  const { expires_in } = given;
  const { expiresAt: __, ...rest } = login;
  return expires_in === undefined
    ? { ...rest, tokens }
    : { ...rest, tokens, expiresAt: Date.now() + expires_in * 1_000 };
}
