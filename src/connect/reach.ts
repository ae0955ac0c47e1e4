import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { McpTlsError, TlsTrustError } from '../errors.js';
import { canonicalAddress } from './address.js';
import { atHost, toConnectionError } from './connection-error.js';
import { wayTo } from './dial.js';
import { untilAborted } from './limit.js';
import { openTunnel } from './open-tunnel.js';
import { addressesOf } from './resolve.js';
import type { AddressTarget, AllowAddress, Route } from './route.js';
import { nodeOffersPostQuantum } from './tls-runtime.js';

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
  try {
    const addresses = await untilAborted(allowedAddresses(target, route), signal);
    return await wayTo(addresses, { port, localAddress }, signal, nodeOffersPostQuantum());
  } catch (error) {
    throw signal.aborted ? error : toConnectionError(error, target);
  }
}

/** What the look-up of one connection hands on was allowed for exactly that. */
async function allowedAddresses(target: Endpoint, route: Route): Promise<readonly string[]> {
  const { lookup, allowAddress } = route;
  const found = await addressesOf(target.host, lookup);
  if (allowAddress === undefined || isIP(target.host) !== 0) return found;
  return assertAllowed(allowAddress, found, addressTarget(target, route));
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
