import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { invalidArgument } from '../assert.js';
import { type ProxyFor, type ProxyInput, readProxy } from './proxy.js';

/** How to get to a server, apart from whom to trust there. */
export interface RouteOptions {
  /** Default `false`: no proxy, whatever the environment says. */
  readonly proxy?: ProxyInput | undefined;
  /** Resolves host names instead of `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined;
  /** IP address of this machine to connect from. */
  readonly localAddress?: string | undefined;
  /** Path of a Unix domain socket at which the server listens, for the policy's own origin only. */
  readonly socketPath?: string | undefined;
}

/** {@link RouteOptions} after {@link readRoute}. */
export interface Route {
  readonly proxyFor: ProxyFor;
  readonly lookup: LookupFunction | undefined;
  readonly localAddress: string | undefined;
  readonly socketPath: string | undefined;
}

/** Names of the options, for those who check unknown keys. */
export const ROUTE_FIELDS = ['proxy', 'lookup', 'localAddress', 'socketPath'] as const;

/** Validates the options. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readRoute({ proxy, lookup, localAddress, socketPath }: RouteOptions): Route {
  if (lookup !== undefined && typeof lookup !== 'function') {
    invalidArgument('lookup must be a function, as that of node:dns');
  }
  if (localAddress !== undefined && isIP(localAddress) === 0) {
    invalidArgument('localAddress must be an IP address');
  }
  if (socketPath !== undefined && (typeof socketPath !== 'string' || socketPath === '')) {
    invalidArgument('socketPath must be a non-empty string');
  }
  const way = (proxy !== undefined && proxy !== false) || lookup !== undefined || localAddress;
  if (socketPath !== undefined && way) {
    invalidArgument('socketPath excludes proxy, lookup and localAddress: it is the whole way');
  }
  return Object.freeze({ proxyFor: readProxy(proxy), lookup, localAddress, socketPath });
}

/** The options of `tls.connect` that lead to a server: an open socket, a path, or an address. */
export function wayTo(target: {
  readonly host: string;
  readonly port: number;
  readonly route: Route | undefined;
  readonly socket?: Socket | undefined;
}): ConnectionOptions {
  const { host, port, route, socket } = target;
  if (socket !== undefined) return { socket };
  if (route?.socketPath !== undefined) return { path: route.socketPath };
  const { lookup, localAddress } = route ?? {};
  return {
    host,
    port,
    ...(lookup === undefined ? {} : { lookup }),
    // Not in the types of tls.connect, which hands it on to net.connect.
    ...(localAddress === undefined ? {} : { localAddress }),
  };
}
