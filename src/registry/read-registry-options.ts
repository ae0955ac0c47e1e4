import { assertKnownKeys, assertMs, invalidArgument } from '../assert.js';
import { DEFAULT_TIMEOUTS, readTimeouts, type TimeoutInput } from '../client/timeouts.js';
import { type RouteOptions, readRoute } from '../connect/route.js';
import type { CertificateStore } from '../store/certificate-store.js';
import type { ApproveCertificate } from './types.js';

/** Options of `createServerRegistry`. */
export interface ServerRegistryOptions extends Omit<RouteOptions, 'socketPath'> {
  /** Where the records are. It stays open when the registry is closed. */
  readonly store: CertificateStore;
  /** Asked where `register` or `renew` needs an approval and was given none. */
  readonly approve?: ApproveCertificate | undefined;
  /** Default limits of the clients; `connect` is that of probes too. */
  readonly timeout?: TimeoutInput | undefined;
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
  readonly route: RouteOptions;
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
  for (const method of ['get', 'read', 'set', 'delete', 'list'] as const) {
    if (typeof store?.[method] !== 'function') {
      invalidArgument('options.store must be a CertificateStore');
    }
  }
  if (approve !== undefined && typeof approve !== 'function') {
    invalidArgument('options.approve must be a function');
  }
  if (!Number.isInteger(maxPools) || maxPools < 1 || maxPools > 1_000_000) {
    invalidArgument('options.maxPools must be an integer from 1 to 1000000');
  }
  assertMs('options.idleMs', idleMs);
  const route: RouteOptions = {
    ...{ proxy, lookup, localAddress },
    // Only where it is given: a hook that comes out of configuration as undefined is refused.
    ...('allowAddress' in options ? { allowAddress } : {}),
  };
  readRoute(route);
  const { connect } = readTimeouts(timeout, DEFAULT_TIMEOUTS);
  return {
    store,
    approve,
    timeout,
    connectMs: connect,
    route,
    maxPools,
    idleMs,
  };
}
