import { ADDRCONFIG, lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** As net.connect asks: no addresses of a family that this machine has none of. */
const HINTS = process.platform === 'win32' ? 0 : ADDRCONFIG;

/**
 * The IP addresses of a host, at least one; an address is its own. Whatever a caller's own look-up does (throw,
 * answer nothing, answer twice) is an error of this connection and of nothing else.
 *
 * @throws what the look-up failed with, always an Error
 */
export async function addressesOf(
  host: string,
  lookup: LookupFunction = dnsLookup as unknown as LookupFunction,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  let found: string | LookupAddress[];
  try {
    found = await new Promise<string | LookupAddress[]>((done, fail) => {
      lookup(host, { all: true, hints: HINTS }, (error, addresses) => {
        if (error !== null && error !== undefined) fail(error);
        else done(addresses);
      });
    });
  } catch (thrown) {
    throw thrown instanceof Error ? thrown : new LookupFailed(thrown);
  }
  const list = Array.isArray(found) ? found.map((one) => one?.address) : [found];
  const addresses = list.filter((address) => typeof address === 'string' && isIP(address) !== 0);
  if (addresses.length > 0) return addresses;
  throw new LookupFailed(undefined);
}

class LookupFailed extends Error {
  readonly code = 'ENOTFOUND';

  constructor(thrown: unknown) {
    super('the look-up failed', { cause: thrown });
  }
}
