import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { McpTlsError, TlsTrustError } from '../errors.js';
import { canonicalAddress } from './address.js';
import { atHost } from './connection-error.js';
import { openTunnel } from './open-tunnel.js';
import type { AddressTarget, AllowAddress, Route } from './route.js';

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * The way to a server, as options of `tls.connect`: a Unix socket's path, the open socket of a proxy's
 * tunnel, or an address that may be connected to.
 *
 * @throws {TlsConnectionError} `MCP_TLS_PROXY_FAILED`
 * @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED`
 * @throws the signal's reason
 */
export async function reach(
  target: Endpoint,
  route: Route,
  signal: AbortSignal,
): Promise<ConnectionOptions> {
  if (route.socketPath !== undefined) return { path: route.socketPath };
  const { host, port } = target;
  const { allowAddress, localAddress } = route;
  // An address is never looked up, and a name behind a proxy is looked up there.
  if (allowAddress !== undefined && isIP(host) !== 0) {
    await assertAllowed(allowAddress, [host], addressTarget(target, route));
  }
  const proxy = route.proxyFor(host, port);
  if (proxy !== undefined) return { socket: await openTunnel(proxy, target, signal) };
  const lookup = lookupFor(target, route);
  return {
    host,
    port,
    ...(lookup === undefined ? {} : { lookup }),
    // Not in the types of tls.connect, which hands it on to net.connect.
    ...(localAddress === undefined ? {} : { localAddress }),
  };
}

/**
 * The look-up of one connection: it knows which port it is for, and what it hands on was allowed for
 * exactly that. Whatever a caller's own look-up does (throw, answer nothing, answer twice) is an error
 * of this connection and of nothing else.
 */
function lookupFor(endpoint: Endpoint, route: Route): LookupFunction | undefined {
  const { lookup, allowAddress } = route;
  if (lookup === undefined && allowAddress === undefined) return undefined;
  const target = addressTarget(endpoint, route);
  return (host, options, callback) => {
    resolve(lookup ?? (dnsLookup as unknown as LookupFunction), host, options)
      .then((found) => {
        return allowAddress === undefined ? found : assertAllowed(allowAddress, found, target);
      })
      .then(
        (addresses) => {
          const all = addresses.map((address) => ({ address, family: isIP(address) }));
          const [first] = all as [LookupAddress, ...LookupAddress[]];
          if ((options as { all?: boolean }).all) callback(null, all);
          else callback(null, first.address, first.family);
        },
        // Node.js takes anything else for success: nobody says that what was thrown is an error.
        (thrown) => callback(thrown instanceof Error ? thrown : new LookupFailed(thrown), '', 0),
      );
  };
}

function addressTarget({ host, port }: Endpoint, { context }: Route): AddressTarget {
  const { role, id, serverOrigin } = context;
  const own = role === 'own' ? originOf(host, port) : undefined;
  return Object.freeze({ host, port, role, id, serverOrigin: serverOrigin ?? own });
}

/** As a URL writes it: IPv6 in brackets, and without the default port. */
function originOf(host: string, port: number): string {
  return new URL(`https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`).origin;
}

class LookupFailed extends Error {
  readonly code = 'ENOTFOUND';

  constructor(thrown: unknown) {
    super('the look-up failed', { cause: thrown });
  }
}

/** @returns at least one IP address */
async function resolve(
  lookup: LookupFunction,
  host: string,
  options: Parameters<LookupFunction>[1],
): Promise<readonly string[]> {
  const found = await new Promise<string | LookupAddress[]>((done, fail) => {
    lookup(host, options, (error, addresses) => {
      if (error !== null && error !== undefined) fail(error);
      else done(addresses);
    });
  });
  const list = Array.isArray(found) ? found.map((one) => one?.address) : [found];
  const addresses = list.filter((address) => typeof address === 'string' && isIP(address) !== 0);
  if (addresses.length > 0) return addresses;
  throw new LookupFailed(undefined);
}

/**
 * Those of the addresses that may be connected to.
 *
 * @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED` if there is none
 */
async function assertAllowed(
  allow: AllowAddress,
  addresses: readonly string[],
  target: AddressTarget,
): Promise<readonly string[]> {
  const { host, port } = target;
  try {
    const verdicts = await Promise.all(
      addresses.map((address) => allow(canonicalAddress(address) ?? address, target)),
    );
    // Anything but true refuses: a hook that forgets to return must not open the door.
    const allowed = addresses.filter((_, i) => verdicts[i] === true);
    if (allowed.length > 0) return allowed;
  } catch (error) {
    if (error instanceof McpTlsError) throw error;
    throw addressRefused(host, port, addresses, error);
  }
  throw addressRefused(host, port, addresses);
}

function addressRefused(
  host: string,
  port: number,
  addresses: readonly string[],
  cause?: unknown,
): TlsTrustError {
  return new TlsTrustError(
    'MCP_TLS_ADDRESS_REFUSED',
    `${atHost(host, port)}: ${TRUST_WORDS.MCP_TLS_ADDRESS_REFUSED.meaning}`,
    {
      host,
      port,
      presented: addresses.slice(0, 8).join(', '),
      expected: 'an address that allowAddress allows',
      hint: TRUST_WORDS.MCP_TLS_ADDRESS_REFUSED.hint,
      cause,
    },
  );
}
