import { assertKnownKeys, assertMs, invalidArgument } from '../assert.js';
import type { GuardLimits } from './guard-backend.js';
import type { Invalidation } from './invalidation.js';
import type { KeyRingInput } from './key-ring.js';
import { keyvBackend } from './keyv-backend.js';
import { type KeyvLike, keyvAdapter } from './keyv-like.js';
import type { CacheOptions } from './record-cache.js';
import { assertNamespace } from './record-key.js';
import type { StoreBackendFactory } from './store-backend.js';

/** Options of `createCertificateStore`. */
export interface CertificateStoreOptions {
  /** The keys that records are sealed with: the first writes, all read. Or a key provider. */
  readonly keys: KeyRingInput;
  /** A Keyv 5.6 or 6.1 instance, or a storage adapter of one. It stays open when the store is closed. */
  readonly keyv?: KeyvLike;
  /**
   * Another place for records: `directoryBackend(path)`, or that of `mcp-tls/redis`. Without it and
   * without `keyv`: the memory of this process, and what is pinned there dies with it.
   */
  readonly backend?: StoreBackendFactory;
  /** Which of several stores in one backend. Default `'certificates'`. */
  readonly namespace?: string;
  /**
   * What to do where the store is not there. `'fail'`, the default: reject, since a store that was
   * emptied looks so too; `initialize()` sets it up. `'create'`: set it up; for tests, and for memory.
   */
  readonly whenEmpty?: 'fail' | 'create';
  readonly cache?: CacheOptions;
  /** A channel on which processes tell each other what changed. Closed with the store. */
  readonly invalidation?: Invalidation;
  readonly timeouts?: StoreTimeouts;
}

/** Limits of calls to the backend. */
export interface StoreTimeouts {
  /** Deadline of a read. Default 2,000. */
  readonly readMs?: number;
  /** Deadline of a write, after which its outcome is unknown. Default 5,000. */
  readonly writeMs?: number;
  /** So many failures in a row, and calls fail at once ... Default 5. */
  readonly breakerFailures?: number;
  /** ... until one is let through again after so long. Default 1,000. */
  readonly breakerMs?: number;
}

export interface CheckedStoreOptions {
  readonly namespace: string;
  readonly keys: KeyRingInput;
  readonly makeBackend: StoreBackendFactory;
  readonly createWhenEmpty: boolean;
  readonly invalidation: Invalidation | undefined;
  readonly cache: Required<CacheOptions>;
  readonly limits: GuardLimits;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readStoreOptions(options: CertificateStoreOptions): CheckedStoreOptions {
  assertKnownKeys('options', options, OPTIONS);
  for (const [name, value] of Object.entries(options)) {
    // An unset variable would choose the memory of the process, or no invalidation.
    if (value === undefined || value === null) {
      invalidArgument(`options.${name} is ${value}: leave it out or set it`);
    }
  }
  const { keys, namespace = 'certificates', invalidation, whenEmpty = 'fail' } = options;
  if (keys === undefined) invalidArgument('options.keys is missing');
  assertNamespace(namespace);
  if (whenEmpty !== 'fail' && whenEmpty !== 'create') {
    invalidArgument("options.whenEmpty must be 'fail' or 'create'");
  }
  const place = readBackend(options);
  return {
    namespace,
    keys,
    makeBackend: place ?? memoryBackend(),
    createWhenEmpty: place === undefined || whenEmpty === 'create',
    invalidation,
    cache: readCache(options.cache ?? {}),
    limits: readLimits(options.timeouts ?? {}),
  };
}

const OPTIONS: readonly (keyof CertificateStoreOptions)[] = [
  'keys',
  'keyv',
  'backend',
  'namespace',
  'whenEmpty',
  'cache',
  'invalidation',
  'timeouts',
];

function readBackend({ keyv, backend }: CertificateStoreOptions): StoreBackendFactory | undefined {
  if (keyv !== undefined && backend !== undefined) {
    invalidArgument('options.keyv and options.backend exclude each other');
  }
  if (backend !== undefined && typeof backend !== 'function') {
    invalidArgument('options.backend must be a function, as directoryBackend() returns it');
  }
  if (keyv === undefined) return backend;
  keyvAdapter(keyv);
  return (namespace) => keyvBackend(keyv, namespace);
}

/** A map is what Keyv has by default too. */
function memoryBackend(): StoreBackendFactory {
  process.emitWarning(
    'Certificates are kept in the memory of this process only: what was pinned is gone when it ends. Give options.backend or options.keyv.',
    { type: 'McpTlsWarning', code: 'MCP_TLS_MEMORY_STORE' },
  );
  return (namespace) => ({ ...keyvBackend(new Map<string, string>(), namespace), name: 'memory' });
}

function readCache(cache: CacheOptions): Required<CacheOptions> {
  assertKnownKeys('options.cache', cache, ['ttlMs', 'negativeTtlMs', 'max', 'staleIfErrorMs']);
  const { ttlMs = 30_000, max = 1_000, staleIfErrorMs = 0 } = cache;
  const { negativeTtlMs = Math.min(5_000, ttlMs) } = cache;
  for (const [name, ms] of Object.entries({ ttlMs, negativeTtlMs, staleIfErrorMs })) {
    assertMs(`options.cache.${name}`, ms);
  }
  if (negativeTtlMs > ttlMs) invalidArgument('options.cache.negativeTtlMs is larger than ttlMs');
  assertCount('options.cache.max', max, 1_000_000);
  return { ttlMs, negativeTtlMs, max, staleIfErrorMs };
}

function readLimits(timeouts: StoreTimeouts): GuardLimits {
  assertKnownKeys('options.timeouts', timeouts, [
    'readMs',
    'writeMs',
    'breakerFailures',
    'breakerMs',
  ]);
  const { readMs = 2_000, writeMs = 5_000, breakerFailures = 5, breakerMs = 1_000 } = timeouts;
  for (const [name, ms] of Object.entries({ readMs, writeMs, breakerMs })) {
    assertMs(`options.timeouts.${name}`, ms);
    if (ms === 0) invalidArgument(`options.timeouts.${name}: a store without a limit would hang`);
  }
  assertCount('options.timeouts.breakerFailures', breakerFailures, 1_000);
  return { readMs, writeMs, breakerFailures, breakerMs };
}

function assertCount(what: string, value: unknown, max: number): void {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) {
    invalidArgument(`${what} must be an integer from 1 to ${max}`);
  }
}
