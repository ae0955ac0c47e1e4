import { invalidArgument } from '../assert.js';
import {
  type ClientLimits,
  type CustomClientInit,
  LIMIT_FIELDS,
  makeCustomClientFactory,
  REQUEST_FIELDS,
  type ServerRequestOptions,
} from '../client/make-custom-client-factory.js';
import { watchBody } from '../client/make-response.js';
import { LIMITS, type Timeouts } from '../client/timeouts.js';
import { readHttpsUrl } from '../connect/read-url.js';
import { ROUTE_FIELDS, type RouteOptions } from '../connect/route.js';
import { explainTlsError } from '../explain-tls-error.js';
import { type Fields, func, given } from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import { readyOf } from '../trust/ready.js';
import { ORIGINS, TRUST } from '../trust/trust-options.js';
import type { Origins, TrustInput } from '../trust/trust-policy.js';

/** A fetch-like function, as the MCP SDKs take it. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A client of whatever factory is injected: ours, or one of the host application. */
export type ClientLike = FetchLike & { close?(): Promise<void> | void };

/** The clients of a registry tell by this when the connections were closed that answers came over. */
export const ON_POOL_ENDED: unique symbol = Symbol.for('mcp-tls.on-pool-ended');

/** `final`: requests that follow will fail too. */
export type PoolEnded = (error: Error, final: boolean) => void;

/** Anything that makes clients as {@link makeCustomClientFactory}'s factories do. */
export type ClientFactoryLike = (init: CustomClientInit) => ClientLike;

/** A transport that makes connections of its own, and ends them at `close()`. */
export interface OwnConnections extends RouteOptions {
  /** Whom to trust. `null` for the default roots; `undefined` is refused. */
  trust: TrustInput;
  /** Policies for further origins, such as an OAuth server's. */
  origins?: Origins;
  clientFactory?: never;
}

/** A transport over connections that are shared, and stay open when it closes. */
export interface SharedConnections {
  /** Makes the transport's client. */
  clientFactory: ClientFactoryLike;
  trust?: never;
  origins?: never;
  proxy?: never;
  lookup?: never;
  localAddress?: never;
  socketPath?: never;
  allowAddress?: never;
}

/**
 * Our options of a transport, beside the SDK's own: for the MCP server's origin only, and exactly one of
 * `trust` and `clientFactory`. Prefer `headers` to `requestInit.headers`, which the SDK repeats to the OAuth
 * server.
 */
export type LinkOptions = ServerRequestOptions &
  Omit<ClientLimits, 'signal'> &
  (OwnConnections | SharedConnections);

/** What {@link LinkOptions} must be, for the declarations of the transports. */
export const LINK_FIELDS: Fields<LinkOptions> = {
  trust: given(TRUST),
  origins: ORIGINS,
  clientFactory: given(
    func<ClientFactoryLike>('a function that makes clients, as makeCustomClientFactory returns it'),
  ),
  ...REQUEST_FIELDS,
  ...LIMIT_FIELDS,
  ...ROUTE_FIELDS,
};

/** {@link LinkOptions} after they were read: whichever are there. */
export type ReadLinkOptions = ServerRequestOptions &
  Omit<ClientLimits, 'signal'> &
  Partial<Omit<OwnConnections, 'clientFactory'>> & { clientFactory?: ClientFactoryLike };

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
  /** The limit of a whole call, of clients that say so; 0 for none. */
  readonly totalMs: number;
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
export function makeServerLink(whose: string, url: URL, options: ReadLinkOptions): ServerLink {
  const { clientFactory, headers, auth, timeout, maxBodyBytes, ...own } = options;
  const init: CustomClientInit = {
    url,
    ...(headers === undefined ? {} : { headers }),
    ...(auth === undefined ? {} : { auth }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
  };
  const link = new Link(
    clientFactory === undefined ? ownConnections(whose, own, init) : shared(clientFactory),
  );
  return link;

  function shared(factory: ClientFactoryLike): () => Opened {
    const [given] = Object.keys(own);
    if (given !== undefined) {
      invalidArgument(
        `${whose}: clientFactory and ${given} exclude each other: a factory says whom to trust and how to get there`,
      );
    }
    return () => {
      const client = factory(init) as ClientLike & {
        [ON_POOL_ENDED]?(listener: PoolEnded): void;
      };
      client[ON_POOL_ENDED]?.((...ended) => link.listener.poolEnded?.(...ended));
      return { client, close: async () => client.close?.() };
    };
  }
}

function ownConnections(
  whose: string,
  { trust, ...options }: Partial<Omit<OwnConnections, 'clientFactory'>>,
  init: CustomClientInit,
): () => Opened {
  if (trust === undefined) {
    invalidArgument(
      `${whose} must say whom to trust: give trust (null for the default roots) or a clientFactory`,
    );
  }
  // Checked once: it is opened again after it was closed.
  const checked = readyOf(trust) === undefined ? checkTrustPolicy(trust, `${whose}.trust`) : trust;
  return () => {
    const factory = makeCustomClientFactory(checked, options);
    return { client: factory(init), close: () => factory.close() };
  };
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

  get totalMs(): number {
    const client = this.#opened?.client as { readonly [LIMITS]?: Timeouts } | undefined;
    return client?.[LIMITS]?.totalMs ?? 0;
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
