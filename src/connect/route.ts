import { isIP, type LookupFunction } from 'node:net';
import { invalidArgument } from '../assert.js';
import { custom, type Fields, func, given, text } from '../options.js';
import { PROXY, type ProxyFor, type ProxyInput, readProxy } from './proxy.js';

/** How to get to a server, apart from whom to trust there. */
export interface RouteOptions {
  /** Default `false`: no proxy, whatever the environment says. */
  proxy?: ProxyInput | undefined;
  /** Resolves host names instead of `dns.lookup`. */
  lookup?: LookupFunction | undefined;
  /** IP address of this machine to connect from. */
  localAddress?: string | undefined;
  /** Path of a Unix domain socket at which the server listens, for the policy's own origin only. */
  socketPath?: string | undefined;
  /**
   * Asked with each address before a connection is made to it, after the only look-up; with several, the
   * allowed ones are used. `publicAddressesOnly` is one. Cannot be combined with `proxy`, which looks names
   * up itself, nor with `socketPath`. An unset one is refused: it would allow every address.
   */
  allowAddress?: AllowAddress;
}

/** Which connection an address is for. */
export interface AddressTarget extends OriginContext {
  /** Host of the URL: a name, or the address itself. */
  readonly host: string;
  readonly port: number;
}

/**
 * What an origin is to the server that it is asked for. A gateway whose own servers are in a private network
 * can allow them there by `'own'`, and nothing that they name.
 */
export interface OriginContext {
  /**
   * `'own'`: the server's, probes of it included, and whatever a client without `url` asks for. `'listed'`: in
   * `origins`. `'named'`: neither; only a peer named it, in OAuth metadata for example. Such are asked about only
   * where the address is public, and where no `origins` are given.
   */
  readonly role: 'own' | 'listed' | 'named';
  /** Of the registered server; `undefined` outside of a registry, and for `registry.inspect`. */
  readonly id: string | undefined;
  /**
   * Origin of the server itself: the one registered, that of a client's `url`, or the probed one. `undefined`
   * only where a client without `url` asks for an origin in `origins`.
   */
  readonly serverOrigin: string | undefined;
}

/**
 * Whether a connection may be made to this IP address: `true`, and nothing else, allows it. The address
 * is canonical (RFC 5952); an IPv4 address inside an IPv6 one (`::ffff:127.0.0.1`) is asked about as the
 * IPv4 address that it leads to.
 */
export type AllowAddress = (address: string, target: AddressTarget) => boolean | Promise<boolean>;

/** {@link RouteOptions} after {@link readRoute}. */
export interface Route {
  readonly proxyFor: ProxyFor;
  readonly lookup: LookupFunction | undefined;
  readonly localAddress: string | undefined;
  readonly socketPath: string | undefined;
  readonly allowAddress: AllowAddress | undefined;
  /** For {@link allowAddress}. An own origin without a `serverOrigin` is that of each connection. */
  readonly context: OriginContext;
}

/** Of what is nobody's other origin. */
export const OWN: OriginContext = Object.freeze({
  role: 'own',
  id: undefined,
  serverOrigin: undefined,
});

/** The fields of {@link RouteOptions}, for the declarations of those that have them. */
export const ROUTE_FIELDS: Fields<RouteOptions> = {
  proxy: PROXY,
  lookup: func('a function, as that of node:dns'),
  localAddress: custom('an IP address', (value) => typeof value === 'string' && isIP(value) !== 0),
  socketPath: text(),
  allowAddress: given(func()),
};

/**
 * Validates the options together, once each has been read by {@link ROUTE_FIELDS}.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readRoute(options: RouteOptions, context: OriginContext = OWN): Route {
  const { proxy, lookup, localAddress, socketPath, allowAddress } = options;
  const viaProxy = proxy !== undefined && proxy !== false;
  if (allowAddress !== undefined && viaProxy) {
    invalidArgument('allowAddress cannot be combined with proxy, which looks names up itself');
  }
  const hasWay = viaProxy || lookup !== undefined || localAddress !== undefined;
  if (socketPath !== undefined && (hasWay || allowAddress !== undefined)) {
    invalidArgument(
      'socketPath cannot be combined with proxy, lookup, localAddress or allowAddress',
    );
  }
  return Object.freeze({
    proxyFor: readProxy(proxy),
    lookup,
    localAddress,
    socketPath,
    allowAddress,
    context,
  });
}
