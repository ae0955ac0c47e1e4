import { FACTORY_LIMITS } from '../client/make-custom-client-factory.js';
import { DEFAULT_TIMEOUTS, readTimeouts, type TimeoutOptions } from '../client/timeouts.js';
import { ROUTE_FIELDS, type RouteOptions, readRoute } from '../connect/route.js';
import {
  count,
  custom,
  type Declaration,
  declareOptions,
  func,
  ms,
  readOptions,
  required,
} from '../options.js';
import type { CertificateStore } from '../store/certificate-store.js';
import type { ApproveCertificate } from './enrol/enrol-options.js';

/** Options of `createServerRegistry`. */
export interface ServerRegistryOptions extends Omit<RouteOptions, 'socketPath'> {
  /** Where the records are. It stays open when the registry is closed. */
  store: CertificateStore;
  /** Asked where `register` or `renew` needs an approval and was given none. */
  approve?: ApproveCertificate | undefined;
  /** Default limits of the clients; `connectMs` is that of probes too. */
  timeout?: TimeoutOptions | undefined;
  /** Connections to each server at most; see `makeCustomClientFactory`. Default 256. */
  maxConnections?: number | undefined;
  /** What is read of one answer at most; see `makeCustomClientFactory`. Default: no limit. */
  maxBodyBytes?: number | undefined;
  /** How many servers may have open connections. Default 500. */
  maxPools?: number | undefined;
  /** Connections of a server that nothing uses are closed after so long; 0: never. Default 300,000. */
  idleMs?: number | undefined;
}

export interface CheckedRegistryOptions {
  readonly store: CertificateStore;
  readonly approve: ApproveCertificate | undefined;
  /** Of the clients of each server. */
  readonly bounds: Pick<ServerRegistryOptions, 'timeout' | 'maxBodyBytes' | 'maxConnections'>;
  readonly connectMs: number;
  readonly route: RouteOptions;
  readonly maxPools: number;
  readonly idleMs: number;
}

const METHODS = ['get', 'read', 'set', 'delete', 'list'] as const;

const { socketPath: _, ...ROUTE } = ROUTE_FIELDS;

const REGISTRY: Declaration<ServerRegistryOptions> = declareOptions<ServerRegistryOptions>(
  'createServerRegistry: options',
  {
    store: required(custom('a CertificateStore', isStore)),
    // Without one, what needs an approval and is given none is refused.
    approve: func<ApproveCertificate>(),
    ...FACTORY_LIMITS,
    maxPools: count(1, 1_000_000),
    idleMs: ms(),
    ...ROUTE,
  },
  {
    elsewhere: {
      socketPath: 'a socket leads to one server',
      namedOrigins:
        'what a registered server names is reached at public addresses only; list others at register or update, in `origins`',
    },
  },
);

function isStore(value: unknown): boolean {
  const store = (value ?? {}) as Readonly<Record<string, unknown>>;
  return METHODS.every((method) => typeof store[method] === 'function');
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readRegistryOptions(options: ServerRegistryOptions): CheckedRegistryOptions {
  const read = readOptions(REGISTRY, options);
  const { store, approve, maxPools = 500, idleMs = 300_000, ...more } = read;
  const { timeout, maxBodyBytes, maxConnections, ...route } = more;
  readRoute(route);
  const { connectMs } = readTimeouts(timeout, DEFAULT_TIMEOUTS);
  const bounds = { timeout, maxBodyBytes, maxConnections };
  return { store, approve, bounds, connectMs, route, maxPools, idleMs };
}
