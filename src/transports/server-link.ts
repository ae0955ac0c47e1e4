import { invalidArgument } from '../assert.js';
import type { AuthInput } from '../client/authorization.js';
import {
  type CustomClientInit,
  makeCustomClientFactory,
} from '../client/make-custom-client-factory.js';
import type { TimeoutInput } from '../client/timeouts.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { TrustInput } from '../trust/trust-policy.js';

/** A fetch-like function, as the MCP SDKs take it. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A client of whatever factory is injected: ours, or one of the host application. */
export type ClientLike = FetchLike & {
  close?(): Promise<void> | void;
  /** Those of a registry tell when the connections were closed that answers came over. */
  onPoolEnded?(listener: PoolEnded): void;
};

/** `final`: requests that follow will fail too. */
export type PoolEnded = (error: Error, final: boolean) => void;

/** Anything that makes clients as {@link makeCustomClientFactory}'s factories do. */
export type ClientFactoryLike = (init: CustomClientInit) => ClientLike;

/** Our options of a transport, beside the SDK's own. */
export interface ServerLinkOptions {
  /** Makes the transport's client. Its pool is shared and stays open when the transport closes. */
  readonly clientFactory?: ClientFactoryLike | undefined;
  /** Instead of `clientFactory`: the transport makes its own pool, and ends it at `close()`. */
  readonly trust?: TrustInput | undefined;
  /** With `trust`: policies for further origins, such as an OAuth server's. */
  readonly origins?: Readonly<Record<string, TrustInput>> | undefined;
  /**
   * For the MCP server's origin only. Prefer this to `requestInit.headers`, which the SDK repeats to
   * the OAuth server.
   */
  readonly headers?: RequestInit['headers'];
  readonly timeout?: TimeoutInput | undefined;
  readonly auth?: AuthInput | undefined;
}

/** What a transport holds of its server: one fetch for everything, and its end. */
export interface ServerLink {
  readonly fetch: FetchLike;
  /** The last of our errors that {@link fetch} rejected with, for errors that lost their cause. */
  readonly lastError: Error | undefined;
  onPoolEnded(listener: PoolEnded): void;
  /** Ends the transport's requests and its own pool. The next fetch opens both anew. */
  close(): Promise<void>;
}

/**
 * Makes the link of one transport. Everything that talks to the server goes through its fetch: POST,
 * the GET stream, DELETE and OAuth.
 *
 * The client is made at the first request and again after `close()`, because the SDK's `Client`
 * closes the transport on "unauthorized" and the application then calls `finishAuth()` on it.
 *
 * @throws {TlsConfigError} at once, for options that a factory would refuse
 */
export function makeServerLink(url: URL, options: ServerLinkOptions): ServerLink {
  const { clientFactory, trust, origins, headers, timeout, auth } = options;
  if (clientFactory !== undefined && (trust !== undefined || origins !== undefined)) {
    invalidArgument('clientFactory and trust/origins exclude each other: which one is to hold?');
  }
  let listener: PoolEnded | undefined;
  const init: CustomClientInit = { url, headers, timeout, auth };
  const open = (): { client: ClientLike; close(): Promise<void> } => {
    if (clientFactory !== undefined) {
      const client = clientFactory(init);
      client.onPoolEnded?.((...ended) => listener?.(...ended));
      return { client, close: async () => client.close?.() };
    }
    const factory = makeCustomClientFactory(trust, { origins });
    return { client: factory(init), close: () => factory.close() };
  };
  let link: ReturnType<typeof open> | undefined = open();
  let lastError: Error | undefined;

  return {
    get lastError() {
      return lastError;
    },
    onPoolEnded(given) {
      listener = given;
    },
    async fetch(input, requestInit) {
      link ??= open();
      try {
        return await link.client(input, requestInit);
      } catch (error) {
        // Ours, not the TypeError around it: SDK v1 takes any TypeError in OAuth discovery for a
        // browser's CORS failure and goes on without (client/auth.js, fetchWithCorsRetry).
        const ours = explainTlsError(error);
        if (ours === undefined) throw error;
        lastError = ours;
        throw ours;
      }
    },
    async close() {
      const ended = link;
      link = undefined;
      await ended?.close();
    },
  };
}

/** Parses the server's URL. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readServerUrl(url: string | URL): URL {
  try {
    return new URL(url);
  } catch {
    return invalidArgument('the URL of the server is not valid');
  }
}
