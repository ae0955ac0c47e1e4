/** What an application keeps of one login, as both SDKs ask for it. */
export interface Kept {
  client?: Record<string, unknown> | undefined;
  tokens?: Record<string, unknown> | undefined;
}

/** An OAuth client of an application that keeps all it is given, in memory. Fits both SDKs. */
export class Provider {
  readonly redirectUrl = 'http://127.0.0.1:1/callback';
  readonly clientMetadata = { client_name: 'gateway', redirect_uris: [this.redirectUrl] };
  readonly invalidated: string[] = [];
  /** Where the user was sent. */
  readonly sentTo: URL[] = [];
  readonly kept: Kept;
  /** A database takes its time. */
  readonly delayMs: number;
  #verifier = 'verifier-verifier-verifier-verifier-verifier';

  constructor(kept: Kept = {}, delayMs = 0) {
    this.kept = kept;
    this.delayMs = delayMs;
  }

  async clientInformation(): Promise<never> {
    return this.kept.client as never;
  }
  async saveClientInformation(client: object): Promise<void> {
    this.kept.client = { ...client };
  }
  async tokens(): Promise<never> {
    await this.#pause();
    return this.kept.tokens as never;
  }
  async saveTokens(tokens: object): Promise<void> {
    await this.#pause();
    this.kept.tokens = { ...tokens };
  }
  async redirectToAuthorization(url: URL): Promise<void> {
    this.sentTo.push(url);
  }
  async saveCodeVerifier(verifier: string): Promise<void> {
    this.#verifier = verifier;
  }
  async codeVerifier(): Promise<string> {
    return this.#verifier;
  }
  async invalidateCredentials(scope: string): Promise<void> {
    this.invalidated.push(scope);
    if (scope === 'tokens' || scope === 'all') this.kept.tokens = undefined;
    if (scope === 'client' || scope === 'all') this.kept.client = undefined;
  }

  async #pause(): Promise<void> {
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
  }
}
