import { invalidArgument } from '../assert.js';
import { publicAddressesOnly } from '../connect/address.js';
import type { Route } from '../connect/route.js';
import { TlsTrustError, type TrustErrorCode } from '../errors.js';
import { type Kind, oneOf } from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { Destination } from './pools.js';
import type { Timeouts } from './timeouts.js';

/**
 * Origins that are neither the server's own nor listed: only a peer named them, in OAuth metadata for
 * example, and a server that a person approved must not make a gateway ask the services of its own network.
 *
 * They get the default roots, at public addresses, whatever the host's `allowAddress` says, unless the
 * application asks for `'anywhere'`; where there is a list, it is closed, and they are not reached at all.
 */
export function unlistedOrigins(route: Route, hasList: boolean, where: NamedOrigins): Destination {
  const { allowAddress } = route;
  const policy = checkTrustPolicy(null);
  if (where === 'anywhere') return { policy, route, unlisted: 'anywhere' };
  return {
    policy,
    route: {
      ...route,
      allowAddress: (address, target) =>
        publicAddressesOnly(address) && (allowAddress?.(address, target) ?? true),
    },
    unlisted: hasList ? 'refused' : 'public addresses',
  };
}

/** Where origins are reached that only a peer named. */
export type NamedOrigins = 'public' | 'anywhere';

export const NAMED_ORIGINS: Kind<NamedOrigins> = oneOf('public', 'anywhere');

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` where a list says already which are reached */
export function assertNoList(where: NamedOrigins | undefined, hasList: boolean): void {
  if (where === undefined || !hasList) return;
  invalidArgument(
    'options.namedOrigins and origins exclude each other: a list of origins is closed, and no other is reached',
    'List the origin, at whatever address it is, or leave `origins` out.',
  );
}

/**
 * The same error with what to do: to list the origin, and not to change the policy of the server or to allow
 * more addresses to everything.
 */
export function adviseToList(error: TlsTrustError, url: URL): TlsTrustError {
  const { code, message, host, port, expected, presented, detail } = error;
  const advice = ADVICE[code];
  if (advice === undefined) return error;
  const hint = `${advice} Then ${listIt(url)}.`;
  return new TlsTrustError(code, message, { host, port, expected, presented, hint, detail });
}

const UNVOUCHED =
  'This is another origin than that of the server, and was judged by the default roots. Compare its fingerprint with its operator out of band.';

const ADVICE: Readonly<Partial<Record<TrustErrorCode, string>>> = {
  MCP_TLS_SELF_SIGNED: UNVOUCHED,
  MCP_TLS_UNKNOWN_ISSUER: UNVOUCHED,
  MCP_TLS_INCOMPLETE_CHAIN: UNVOUCHED,
  MCP_TLS_ADDRESS_REFUSED:
    'This is another origin than that of the server. Only a peer named it, and such are reached at public addresses only. Ask its operator whether it is right.',
};

/** What of a client says which limits hold where. */
interface OwnLimits {
  readonly ownOrigin: string | undefined;
  readonly timeouts: Timeouts;
  readonly timeoutsOfOthers: Timeouts;
}

/** Whether the limits of the server hold: without one of its own, a client is of whatever is asked for. */
export function isOwnOrigin({ ownOrigin }: OwnLimits, origin: string): boolean {
  return ownOrigin === undefined || ownOrigin === origin;
}

export function timeoutsFor(limits: OwnLimits, origin: string): Timeouts {
  return isOwnOrigin(limits, origin) ? limits.timeouts : limits.timeoutsOfOthers;
}

/** For origins other than the server's own. No metadata and no token has a hundredth of it. */
const OTHERS_MAX_BODY_BYTES = 4 * 1_048_576;

/** @param max what is read of an answer of the server itself; 0 for all */
export function maxBodyBytesFor(
  ownOrigin: string | undefined,
  max: number,
): (origin: string) => number {
  const ofOthers = Math.min(max || Infinity, OTHERS_MAX_BODY_BYTES);
  return (origin) => (ownOrigin === undefined || ownOrigin === origin ? max : ofOthers);
}

/** What to write for an origin that only a peer named. */
export function listIt(url: URL): string {
  return `list it: \`origins: { '${url.origin}': certificate }\``;
}
