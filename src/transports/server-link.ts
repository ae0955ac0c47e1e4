import { invalidArgument } from '../assert.js';
import {
  type ClientLimits,
  type CustomClientInit,
  LIMIT_FIELDS,
  REQUEST_FIELDS,
  type ServerRequestOptions,
} from '../client/client-init.js';
import { makeCustomClientFactory } from '../client/make-custom-client-factory.js';
import { NAMED_ORIGINS, type NamedOrigins } from '../client/other-origins.js';
import type { HeaderList } from '../client/request-headers.js';
import { readHttpsUrl } from '../connect/read-url.js';
import { ROUTE_FIELDS, type RouteOptions } from '../connect/route.js';
import { type Fields, func, given } from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import { readyOf } from '../trust/ready.js';
import { ORIGINS, TRUST } from '../trust/trust-options.js';
import type { Origins, TrustInput } from '../trust/trust-policy.js';
import type { ClientLike } from './client-like.js';
import { Link, type Opened, type ServerLink } from './link.js';
import type { PoolEnded } from './link-listener.js';

/** The clients of a registry report by this when the connections were closed that answers came over. */
export const ON_POOL_ENDED: unique symbol = Symbol.for('mcp-tls.on-pool-ended');

/** Anything that makes clients as {@link makeCustomClientFactory}'s factories do. */
export type ClientFactoryLike = (init: CustomClientInit) => ClientLike;

/** A transport that makes connections of its own, and ends them at `close()`. */
export interface OwnConnections extends RouteOptions {
  /** Whom to trust. `null` for the default roots; `undefined` is refused. */
  trust: TrustInput;
  /** Policies for further origins, such as an OAuth server's. */
  origins?: Origins;
  /** Where other origins are reached that a peer names. Default `'public'`: see `makeCustomClientFactory`. */
  namedOrigins?: NamedOrigins | undefined;
  clientFactory?: never;
}

/** A transport over connections that are shared, and stay open when it closes. */
export interface SharedConnections {
  /** Makes the transport's client. */
  clientFactory: ClientFactoryLike;
  trust?: never;
  origins?: never;
  namedOrigins?: never;
  proxy?: never;
  lookup?: never;
  localAddress?: never;
  socketPath?: never;
  allowAddress?: never;
}

/**
 * Our options of a transport, beside the SDK's own: for the MCP server's origin only, and exactly one of
 * `trust` and `clientFactory`. What stands in the SDK's `requestInit.headers` goes to that origin only, too, and
 * wins over `headers`.
 */
export type LinkOptions = ServerRequestOptions &
  Omit<ClientLimits, 'signal'> &
  (OwnConnections | SharedConnections);

/** What {@link LinkOptions} must be, for the declarations of the transports. */
export const LINK_FIELDS: Fields<LinkOptions> = {
  trust: given(TRUST),
  origins: ORIGINS,
  namedOrigins: NAMED_ORIGINS,
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
  Partial<Omit<OwnConnections, 'clientFactory'>> & {
    clientFactory?: ClientFactoryLike;
    /** Of the SDK's `requestInit`. */
    requestHeaders?: HeaderList;
  };

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
  const { clientFactory, headers, auth, timeout, maxBodyBytes, requestHeaders, ...own } = options;
  const init: CustomClientInit = {
    url,
    ...(headers === undefined ? {} : { headers }),
    ...(auth === undefined ? {} : { auth }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
  };
  const link = new Link(
    url,
    clientFactory === undefined ? ownConnections(whose, own, init) : shared(clientFactory),
    requestHeaders,
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

/** Parses the server's URL. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readServerUrl(url: string | URL): URL {
  return readHttpsUrl('the URL of the server', url);
}
