import { invalidArgument } from '../assert.js';
import type { AuthInput } from '../client/authorization.js';
import type { HeadersSource } from '../client/header-source.js';
import {
  type CustomClientInit,
  makeCustomClientFactory,
} from '../client/make-custom-client-factory.js';
import { watchBody } from '../client/make-response.js';
import type { TimeoutInput } from '../client/timeouts.js';
import { readHttpsUrl } from '../connect/read-url.js';
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
   * the OAuth server. A function is asked before each request.
   */
  readonly headers?: HeadersSource | undefined;
  readonly timeout?: TimeoutInput | undefined;
  readonly auth?: AuthInput | undefined;
}

/** What a transport is told of its link. */
export interface LinkListener {
  /** The connections were closed that answers came over. */
  poolEnded?: PoolEnded;
  /** An event stream that answered this request has ended: with our error, or of itself. */
  streamEnded?(init: RequestInit | undefined, error: Error | undefined): void;
  /** How a request for an event stream was answered: with a response, or with our error. */
  streamAsked?(answer: Response | Error): void;
}

/** What a transport holds of its server: one fetch for everything, and its end. */
export interface ServerLink {
  readonly fetch: FetchLike;
  /** The last of our errors that {@link fetch} rejected with, for errors that lost their cause. */
  readonly lastError: Error | undefined;
  listener: LinkListener;
  /**
   * Ends the transport's requests and its own pool. A fetch after that opens both anew, for as long as
   * it and its answer take.
   */
  close(): Promise<void>;
}

/**
 * Makes the link of one transport. Everything that talks to the server goes through its fetch: POST,
 * the GET stream, DELETE and OAuth.
 *
 * The SDK's `Client` closes the transport on "unauthorized", and the application then calls
 * `finishAuth()` on it; some hosts go on with the fetch of a transport that they have closed.
 *
 * @throws {TlsConfigError} at once, for options that a factory would refuse
 */
export function makeServerLink(url: URL, options: ServerLinkOptions): ServerLink {
  const { clientFactory, trust, origins, headers, timeout, auth } = options;
  if (clientFactory !== undefined && (trust !== undefined || origins !== undefined)) {
    invalidArgument('clientFactory and trust/origins exclude each other: which one is to hold?');
  }
  const init: CustomClientInit = { url, headers, timeout, auth };
  const link = new Link(() => {
    if (clientFactory !== undefined) {
      const client = clientFactory(init);
      client.onPoolEnded?.((...ended) => link.listener.poolEnded?.(...ended));
      return { client, close: async () => client.close?.() };
    }
    const factory = makeCustomClientFactory(trust, { origins });
    return { client: factory(init), close: () => factory.close() };
  });
  return link;
}

interface Opened {
  readonly client: ClientLike;
  close(): Promise<void>;
}

/**
 * - Before `close()` one client is open, from the start: its options are checked then.
 * - After it, one is open exactly while a request or the body of its answer is under way.
 */
class Link implements ServerLink {
  listener: LinkListener = {};
  readonly #open: () => Opened;
  #opened: Opened | undefined;
  #closed = false;
  #underWay = 0;
  #lastError: Error | undefined;

  constructor(open: () => Opened) {
    this.#open = open;
    this.#opened = open();
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  readonly fetch: FetchLike = async (input, init) => {
    this.#opened ??= this.#open();
    const done = this.#closed ? this.#begin() : undefined;
    let response: Response;
    try {
      response = await this.#opened.client(input, init);
    } catch (error) {
      done?.();
      throw this.#refusal(error, init);
    }
    if (done !== undefined && !watchBody(response, { complete: done })) done();
    this.#watch(response, init);
    return response;
  };

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  /** Ours, not the TypeError around it: SDK v1 takes any TypeError in OAuth discovery for a
   * browser's CORS failure and goes on without (client/auth.js, fetchWithCorsRetry). */
  #refusal(error: unknown, init: RequestInit | undefined): unknown {
    const ours = explainTlsError(error);
    if (ours === undefined) return error;
    this.#lastError = ours;
    if (isStreamRequest(init)) this.listener.streamAsked?.(ours);
    return ours;
  }

  #watch(response: Response, init: RequestInit | undefined): void {
    if (isStreamRequest(init)) this.listener.streamAsked?.(response);
    const type = response.headers.get('content-type');
    if (type?.startsWith('text/event-stream') !== true) return;
    watchBody(response, {
      ended: (failure) => {
        const error = failure && explainTlsError(failure.reason);
        if (error !== undefined) this.#lastError = error;
        // Broken off by the reader, who knows; anything else the SDK may have to read first.
        if (failure !== undefined && error === undefined) return;
        afterReaders(() => this.listener.streamEnded?.(init, error));
      },
    });
  }

  #begin(): () => void {
    this.#underWay++;
    return () => {
      if (--this.#underWay === 0) void this.#end();
    };
  }

  async #end(): Promise<void> {
    const ended = this.#opened;
    this.#opened = undefined;
    await ended?.close();
  }
}

/** Whether an event stream is asked for, and nothing is sent. */
function isStreamRequest(init: RequestInit | undefined): boolean {
  if (init?.method !== undefined && init.method !== 'GET') return false;
  return new Headers(init?.headers).get('accept')?.includes('text/event-stream') === true;
}

/** The last events are on their way through the streams of the SDK: some turns of microtasks. */
function afterReaders(then: () => void): void {
  setImmediate(() => setImmediate(then));
}

/** Parses the server's URL. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readServerUrl(url: string | URL): URL {
  return readHttpsUrl('the URL of the server', url);
}
