import type {
  OAuthClientProvider,
  OAuthDiscoveryState,
} from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
} from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from 'mcp-tls/core';

/** What the runner tells a client of a scenario, where it tells anything. */
export interface ScenarioContext {
  readonly toolCalls?: readonly {
    readonly name: string;
    readonly arguments: Record<string, unknown>;
  }[];
  readonly [field: string]: unknown;
}

/** A provider, and what its last redirect brought, if it does redirects. */
export type ConformanceProvider = OAuthClientProvider & {
  takeCallback?(): URLSearchParams | undefined;
};

/** The providers that an SDK brings itself; those of v2 have what those of v1 have. */
export interface SdkProviders {
  readonly ClientCredentialsProvider: typeof ClientCredentialsProvider;
  readonly PrivateKeyJwtProvider: typeof PrivateKeyJwtProvider;
}

/** The address that the runner knows as this client's metadata document (SEP-991). */
const CLIENT_METADATA_URL = 'https://conformance-test.local/client-metadata.json';

/** The provider that a scenario asks for. `fetch` is the library's: nothing goes another way. */
export function makeProvider(
  scenario: string,
  context: ScenarioContext,
  fetch: FetchLike,
  sdk: SdkProviders,
): ConformanceProvider {
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return new sdk.ClientCredentialsProvider({
        clientId: need(context, 'client_id'),
        clientSecret: need(context, 'client_secret'),
      });
    case 'auth/client-credentials-jwt':
      return new sdk.PrivateKeyJwtProvider({
        clientId: need(context, 'client_id'),
        privateKey: need(context, 'private_key_pem'),
        algorithm: need(context, 'signing_algorithm'),
      });
    case 'auth/cross-app-access-complete-flow':
      return new CrossAppAccessProvider(context, fetch);
    case 'auth/pre-registration':
      return new BrowserlessProvider(fetch, {
        client: {
          client_id: need(context, 'client_id'),
          client_secret: need(context, 'client_secret'),
        },
      });
    case 'auth/basic-cimd':
      return new BrowserlessProvider(fetch, { clientMetadataUrl: CLIENT_METADATA_URL });
    default:
      return new BrowserlessProvider(fetch, {});
  }
}

/** Keeps in memory what a provider has to keep. */
abstract class MemoryProvider {
  protected client: OAuthClientInformationMixed | undefined;
  protected discovery: OAuthDiscoveryState | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.client;
  }
  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.client = client;
  }
  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }
  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
    // Of the flow that has ended: the next one may be with another authorization server.
    this.discovery = undefined;
  }
  codeVerifier(): string {
    return this.#verifier;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  saveDiscoveryState(discovery: OAuthDiscoveryState): void {
    this.discovery = discovery;
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.discovery;
  }
}

/** The authorization code flow, with the user agent's part done by one request without a browser. */
class BrowserlessProvider extends MemoryProvider implements ConformanceProvider {
  // Nobody listens there: the code is read from the redirect itself.
  readonly redirectUrl = 'http://localhost:3000/callback';
  readonly clientMetadata: OAuthClientMetadata = {
    client_name: 'mcp-tls conformance client',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  declare readonly clientMetadataUrl?: string;
  readonly #fetch: FetchLike;
  #callback: URLSearchParams | undefined;

  constructor(
    fetch: FetchLike,
    {
      client,
      clientMetadataUrl,
    }: { client?: OAuthClientInformationMixed; clientMetadataUrl?: string },
  ) {
    super();
    this.#fetch = fetch;
    this.client = client;
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl;
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    const response = await this.#fetch(url, { redirect: 'manual' });
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (location === null) throw new Error(`no redirect to the client: HTTP ${response.status}`);
    this.#callback = new URL(location).searchParams;
  }

  takeCallback(): URLSearchParams | undefined {
    const callback = this.#callback;
    this.#callback = undefined;
    return callback;
  }
}

/**
 * Enterprise-managed authorization (SEP-990): the identity provider gives an identity assertion
 * grant for the user's ID token (RFC 8693), the authorization server an access token for that
 * (RFC 7523). SDK v1 has no provider for it.
 */
class CrossAppAccessProvider extends MemoryProvider implements ConformanceProvider {
  readonly redirectUrl = undefined;
  readonly clientMetadata: OAuthClientMetadata = {
    client_name: 'mcp-tls conformance client',
    redirect_uris: [],
    grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
    token_endpoint_auth_method: 'client_secret_basic',
  };
  readonly #context: ScenarioContext;
  readonly #fetch: FetchLike;

  constructor(context: ScenarioContext, fetch: FetchLike) {
    super();
    this.#context = context;
    this.#fetch = fetch;
    this.client = {
      client_id: need(context, 'client_id'),
      client_secret: need(context, 'client_secret'),
    };
  }

  redirectToAuthorization(): void {
    throw new Error('this flow has no redirect');
  }

  async prepareTokenRequest(): Promise<URLSearchParams> {
    return new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await this.#identityAssertion(),
    });
  }

  async #identityAssertion(): Promise<string> {
    const { authorizationServerMetadata, resourceMetadata } = this.discovery ?? {};
    if (authorizationServerMetadata === undefined || resourceMetadata === undefined) {
      throw new Error('the server was not discovered');
    }
    const response = await this.#fetch(need(this.#context, 'idp_token_endpoint'), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: need(this.#context, 'idp_id_token'),
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
        audience: authorizationServerMetadata.issuer,
        resource: resourceMetadata.resource,
        client_id: need(this.#context, 'idp_client_id'),
      }),
    });
    if (!response.ok) throw new Error(`token exchange: HTTP ${response.status}`);
    const { access_token: assertion } = (await response.json()) as { access_token: string };
    return assertion;
  }
}

function need(context: ScenarioContext, field: string): string {
  const value = context[field];
  if (typeof value !== 'string') throw new Error(`the scenario's context has no ${field}`);
  return value;
}
