import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsTrustError } from '../errors.js';
import { readReferenceIdentity } from '../trust/reference-identity.js';

/** Which connection an address is for. */
export interface AddressTarget {
  /** Host of the URL: a name, or the address itself. */
  readonly host: string;
  readonly port: number;
}

/**
 * Whether a connection may be made to this IP address. An IPv4 address in IPv6 clothes
 * (`::ffff:127.0.0.1`) is asked about as the IPv4 address that it leads to.
 */
export type AllowAddress = (address: string, target: AddressTarget) => boolean | Promise<boolean>;

/** The host application's say over addresses, put where they are used. */
export interface AddressGuard {
  /** For the connections: looks up, asks, and hands on only what is allowed. */
  readonly lookup: LookupFunction | undefined;
  /**
   * To be called with each URL before a connection to it. Asks about hosts that are addresses, which
   * are never looked up, and notes the port, which a lookup is not told.
   *
   * @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED`
   */
  check(url: URL): Promise<void>;
}

/** Servers can name hosts (their OAuth servers), so what is noted of them is bounded. */
const MAX_HOSTS = 10_000;

/** Makes the guard of a registry, over the lookup that it was given. */
export function makeAddressGuard(
  allow: AllowAddress | undefined,
  lookup: LookupFunction | undefined,
): AddressGuard {
  if (allow === undefined) return { lookup, check: async () => {} };
  const ports = new Map<string, Set<number>>();
  const resolve = lookup ?? (dnsLookup as unknown as LookupFunction);

  /** Where a host is asked for at several ports, each of them has to be allowed. */
  async function allowed(address: string, host: string): Promise<boolean> {
    const plain = plainAddress(address);
    const known = ports.get(host);
    if (known === undefined) return false;
    for (const port of known) {
      // Anything but true refuses: a hook that forgets to return must not open the door.
      if ((await allow?.(plain, { host, port })) !== true) return false;
    }
    return true;
  }

  return {
    lookup(host, options, callback) {
      resolve(host, options, (error, found, family) => {
        if (error !== null && error !== undefined) {
          callback(error, found, family);
          return;
        }
        const addresses = typeof found === 'string' ? [found] : found.map((one) => one.address);
        Promise.all(addresses.map((address) => allowed(address, host))).then(
          (verdicts) => {
            const [port = 443] = ports.get(host) ?? [];
            if (!verdicts.includes(true)) callback(refused(host, port, addresses), '', 0);
            else if (typeof found === 'string') callback(null, found, family);
            else
              callback(
                null,
                found.filter((_, i) => verdicts[i]),
              );
          },
          (cause) => callback(refused(host, 443, addresses, cause), '', 0),
        );
      });
    },
    async check(url) {
      const { host, port } = addressOf(url);
      const known = ports.get(host) ?? new Set();
      ports.delete(host);
      ports.set(host, known.add(port));
      const [oldest] = ports.keys();
      if (ports.size > MAX_HOSTS && oldest !== undefined) ports.delete(oldest);
      if (readReferenceIdentity(host).kind !== 'ip') return;
      let cause: unknown;
      try {
        if ((await allow(plainAddress(host), { host, port })) === true) return;
      } catch (error) {
        cause = error;
      }
      throw refused(host, port, [host], cause);
    },
  };
}

/** `::ffff:7f00:1` and `::ffff:127.0.0.1` lead to 127.0.0.1 (RFC 4291 §2.5.5.2). */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address);
  if (mapped === null) return address;
  const [, dotted, high = '', low = ''] = mapped;
  if (dotted !== undefined) return dotted;
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function refused(
  host: string,
  port: number,
  addresses: readonly string[],
  cause?: unknown,
): TlsTrustError {
  return new TlsTrustError(
    'MCP_TLS_ADDRESS_REFUSED',
    `${atHost(host, port)}: connections to its address are not allowed`,
    {
      host,
      port,
      presented: addresses.join(', '),
      expected: 'an address that allowAddress allows',
      hint: 'Register the server under an address that this application may connect to, or extend its allowAddress.',
      cause,
    },
  );
}
