import { BlockList, isIP } from 'node:net';

/**
 * An IP address in the one form in which it is compared: IPv4 dotted, IPv6 as RFC 5952 writes it, and an
 * IPv4 address inside an IPv6 one (`::ffff:0:0/96`, RFC 4291 §2.5.5.2) as the IPv4 address that it leads to.
 *
 * @returns `undefined` for what is no IP address
 */
export function canonicalAddress(text: string): string | undefined {
  const address = text.replace(/%.*$/, '');
  const family = isIP(address);
  if (family === 4) return address;
  if (family !== 6) return undefined;
  // The URL parser writes IPv6 in its canonical form.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return embedded(canonical, '::ffff:') ?? canonical;
}

/**
 * A hook for `allowAddress` that allows public addresses only: nothing of this machine, of private
 * networks, of link-local and other special-purpose ranges (IANA IPv4 and IPv6 Special-Purpose Address
 * Registries), nor of multicast. An IPv4 address behind a translator (`64:ff9b::/96`, RFC 6052) counts as
 * that IPv4 address. Against server-side request forgery (SSRF).
 *
 * @example
 * const registry = createServerRegistry({ store, allowAddress: publicAddressesOnly });
 */
export function publicAddressesOnly(address: string): boolean {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return false;
  if (isIP(canonical) === 4) return !SPECIAL_IPV4.check(canonical, 'ipv4');
  const translated = embedded(canonical, '64:ff9b::');
  if (translated !== undefined) return !SPECIAL_IPV4.check(translated, 'ipv4');
  return GLOBAL_IPV6.check(canonical, 'ipv6') && !SPECIAL_IPV6.check(canonical, 'ipv6');
}

/** The IPv4 address in the last 32 bits behind `prefix`. */
function embedded(canonical: string, prefix: string): string | undefined {
  if (!canonical.startsWith(prefix)) return undefined;
  const rest = canonical.slice(prefix.length);
  if (isIP(rest) === 4) return rest;
  const [, high = '0', low] = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/.exec(rest) ?? [];
  if (low === undefined) return undefined;
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function ranges(family: 'ipv4' | 'ipv6', list: readonly (readonly [string, number])[]): BlockList {
  const blocked = new BlockList();
  for (const [network, prefix] of list) blocked.addSubnet(network, prefix, family);
  return blocked;
}

const SPECIAL_IPV4 = ranges('ipv4', [
  ['0.0.0.0', 8], // this network (RFC 791); on Linux 0.0.0.0 leads to this machine
  ['10.0.0.0', 8], // private (RFC 1918)
  ['100.64.0.0', 10], // carrier-grade NAT (RFC 6598)
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, and the metadata of clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments (RFC 6890)
  ['192.0.2.0', 24], // documentation (RFC 5737)
  ['192.31.196.0', 24], // AS112 (RFC 7535)
  ['192.52.193.0', 24], // AMT (RFC 7450)
  ['192.88.99.0', 24], // 6to4 relays (RFC 7526)
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112 (RFC 7534)
  ['198.18.0.0', 15], // benchmarking (RFC 2544)
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
]);

/** Global unicast (RFC 4291 §2.4): all else is loopback, link-local, unique local, multicast or unassigned. */
const GLOBAL_IPV6 = ranges('ipv6', [['2000::', 3]]);

const SPECIAL_IPV6 = ranges('ipv6', [
  ['2001::', 23], // protocol assignments, Teredo among them (RFC 2928)
  ['2001:db8::', 32], // documentation (RFC 3849)
  ['2002::', 16], // 6to4, which holds any IPv4 address (RFC 3056)
  ['2620:4f:8000::', 48], // AS112 (RFC 7534)
  ['3fff::', 20], // documentation (RFC 9637)
]);
