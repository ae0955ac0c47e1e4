import { assertKnownKeys, assertMs, invalidArgument } from '../assert.js';
import { DEFAULT_TIMEOUTS, readTimeouts, type TimeoutInput } from '../client/timeouts.js';
import { type RouteOptions, readRoute } from '../connect/route.js';
import type { CertificateStore } from '../store/certificate-store.js';
import { type AddressGuard, type AllowAddress, makeAddressGuard } from './address-guard.js';
import type { ApproveCertificate } from './server-registry.js';

/** Options of `createServerRegistry`. */
export interface ServerRegistryOptions extends Omit<RouteOptions, 'socketPath'> {
  /** Where the records are. It stays open when the registry is closed. */
  readonly store: CertificateStore;
  /** Asked where `register` or `renew` needs an approval and was given none. */
  readonly approve?: ApproveCertificate | undefined;
  /** Default limits of the clients; `connect` is that of probes too. */
  readonly timeout?: TimeoutInput | undefined;
  /**
   * Asked with each address before a connection or probe is made to it, after the only look-up; with
   * several, the allowed ones are used. Against servers that are registered to reach into one's own
   * network. Excludes `proxy`, which looks names up itself.
   */
  readonly allowAddress?: AllowAddress | undefined;
  /** How many servers may have open connections. Default 500. */
  readonly maxPools?: number | undefined;
  /** Connections of a server that nothing uses are closed after so long; 0: never. Default 300,000. */
  readonly idleMs?: number | undefined;
}

export interface CheckedRegistryOptions {
  readonly store: CertificateStore;
  readonly approve: ApproveCertificate | undefined;
  readonly timeout: TimeoutInput | undefined;
  readonly connectMs: number;
  /** With the guard's lookup in it. */
  readonly route: RouteOptions;
  readonly guard: AddressGuard;
  readonly maxPools: number;
  readonly idleMs: number;
}

const FIELDS: readonly (keyof ServerRegistryOptions)[] = [
  'store',
  'approve',
  'timeout',
  'proxy',
  'lookup',
  'localAddress',
  'allowAddress',
  'maxPools',
  'idleMs',
];

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readRegistryOptions(options: ServerRegistryOptions): CheckedRegistryOptions {
  assertKnownKeys('options', options, FIELDS);
  const { store, approve, timeout, proxy, lookup, localAddress, allowAddress } = options;
  const { maxPools = 500, idleMs = 300_000 } = options;
  for (const method of ['get', 'set', 'delete', 'list'] as const) {
    if (typeof store?.[method] !== 'function') {
      invalidArgument('options.store must be a CertificateStore');
    }
  }
  for (const [name, hook] of Object.entries({ approve, allowAddress })) {
    if (hook !== undefined && typeof hook !== 'function') {
      invalidArgument(`options.${name} must be a function`);
    }
  }
  // A hook that comes out of configuration as undefined would leave every address allowed.
  if ('allowAddress' in options && allowAddress === undefined) {
    invalidArgument('options.allowAddress is undefined: leave it out or set it');
  }
  if (allowAddress !== undefined && proxy !== undefined && proxy !== false) {
    invalidArgument('options.allowAddress and options.proxy exclude each other');
  }
  if (!Number.isInteger(maxPools) || maxPools < 1 || maxPools > 1_000_000) {
    invalidArgument('options.maxPools must be an integer from 1 to 1000000');
  }
  assertMs('options.idleMs', idleMs);
  readRoute({ proxy, lookup, localAddress });
  const { connect } = readTimeouts(timeout, DEFAULT_TIMEOUTS);
  const guard = makeAddressGuard(allowAddress, lookup);
  return {
    store,
    approve,
    timeout,
    connectMs: connect,
    route: { proxy, lookup: guard.lookup, localAddress },
    guard,
    maxPools,
    idleMs,
  };
}
