import { invalidArgument } from '../assert.js';
import {
  count,
  custom,
  type Declaration,
  declareOptions,
  given,
  ms,
  nested,
  oneOf,
  passedOn,
  readOptions,
  refuse,
  required,
} from '../options.js';
import type { GuardLimits } from './guard-backend.js';
import { KEYS, type KeyRingInput, RETIRED_KEYS } from './key-ring.js';
import { keyvBackend } from './keyv-backend.js';
import { type KeyvLike, keyvAdapter } from './keyv-like.js';
import type { CacheOptions, CheckedCacheOptions } from './record-cache.js';
import { isNamespace, NAMESPACE } from './record-key.js';
import { type CertificateStorage, partsOf, type ReadParts } from './storage.js';

/** Options of `createCertificateStore`. */
export interface CertificateStoreOptions {
  /** The keys that records are sealed with: one, or several, of which the first writes and all read. */
  keys: KeyRingInput;
  /** Ids of keys that no record may be sealed with any more. */
  retiredKeys?: readonly string[];
  /**
   * Where the records lie: a Keyv 5.6 or 6.1 instance or a storage adapter of one, which stays open when
   * the store is closed; `directoryStorage(path)`; that of `mcp-tls/redis`; or `'memory'`, which dies with
   * the process.
   */
  storage: KeyvLike | CertificateStorage | 'memory';
  /** Which of several stores in one storage. Default `'certificates'`. */
  namespace?: string;
  /**
   * What to do where the store is not there. `'fail'`, the default: reject, since a store that was
   * emptied looks so too; `initialize()` sets it up. `'create'`: set it up; for tests, and for memory.
   */
  whenEmpty?: 'fail' | 'create' | undefined;
  /**
   * Whether a Redis is asked (`INFO memory`) if it drops records when memory is short, which rejects with
   * `MCP_TLS_STORE_EVICTING`. Default `'ask'`. `'assume-none'`: the operator knows that it does not
   * (`maxmemory-policy noeviction`), where INFO is forbidden; over a Keyv, if that is not so, a record that
   * was dropped looks like one that never was.
   */
  eviction?: 'ask' | 'assume-none' | undefined;
  /** The cache of this process (L1): its size, and how old what it answers may be. */
  cache?: CacheOptions | undefined;
  /** Deadlines of calls to the storage. */
  timeout?: StoreTimeoutOptions | undefined;
  /** When calls to a storage that fails are not made at all. */
  breaker?: StoreBreakerOptions | undefined;
}

/** Deadlines of calls to the storage. */
export interface StoreTimeoutOptions {
  /** Of a read. Default 2,000. */
  readMs?: number | undefined;
  /** Of a write, after which its outcome is unknown. Default 5,000. */
  writeMs?: number | undefined;
}

/** When calls to a storage that fails are not made at all. */
export interface StoreBreakerOptions {
  /** So many failures in a row, and calls fail at once ... Default 5. */
  failures?: number | undefined;
  /** ... until one is let through again after so long. Default 1,000. */
  resetMs?: number | undefined;
}

export interface CheckedStoreOptions {
  readonly namespace: string;
  readonly keys: KeyRingInput;
  readonly retiredKeys: readonly string[];
  readonly storage: ReadParts;
  readonly createWhenEmpty: boolean;
  readonly cache: CheckedCacheOptions;
  readonly limits: GuardLimits;
}

const CACHE: Declaration<CacheOptions> = declareOptions<CacheOptions>('cache', {
  ttlMs: ms(),
  negativeTtlMs: ms(),
  max: count(1, 1_000_000),
  staleIfErrorMs: ms(),
});

// Without a limit, a store would hang.
const TIMEOUT: Declaration<StoreTimeoutOptions> = declareOptions<StoreTimeoutOptions>('timeout', {
  readMs: ms({ min: 1 }),
  writeMs: ms({ min: 1 }),
});

const BREAKER: Declaration<StoreBreakerOptions> = declareOptions<StoreBreakerOptions>('breaker', {
  failures: count(1, 1_000),
  resetMs: ms({ min: 1 }),
});

const OLD = 'give it as storage';

const STORE: Declaration<CertificateStoreOptions> = declareOptions<CertificateStoreOptions>(
  'createCertificateStore: options',
  {
    keys: required(KEYS),
    retiredKeys: given(RETIRED_KEYS),
    storage: required(passedOn("a Keyv, directoryStorage(), redisStorage(), or 'memory'")),
    // An unset one would be another store.
    namespace: given(custom(NAMESPACE, isNamespace)),
    whenEmpty: oneOf('fail', 'create'),
    eviction: oneOf('ask', 'assume-none'),
    cache: nested(CACHE),
    timeout: nested(TIMEOUT),
    breaker: nested(BREAKER),
  },
  {
    elsewhere: {
      keyv: OLD,
      backend: OLD,
      invalidation: 'a storage has its own: createStorage({ backend, invalidation })',
      timeouts: "did you mean 'timeout'?",
      retired: "did you mean 'retiredKeys'?",
      breakerFailures: 'it is breaker.failures',
      breakerMs: 'it is breaker.resetMs',
    },
  },
);

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readStoreOptions(options: CertificateStoreOptions): CheckedStoreOptions {
  const read = readOptions(STORE, options);
  const { keys, retiredKeys = [], namespace = 'certificates', whenEmpty = 'fail', storage } = read;
  return {
    namespace,
    keys,
    retiredKeys,
    storage: readStorage(storage),
    createWhenEmpty: storage === 'memory' || whenEmpty === 'create',
    cache: readCache(read.cache ?? {}),
    limits: {
      ...readLimits(read.timeout ?? {}, read.breaker ?? {}),
      asksForSettings: read.eviction !== 'assume-none',
    },
  };
}

function readStorage(storage: CertificateStoreOptions['storage']): ReadParts {
  if (storage === 'memory') return { backend: memoryBackend() };
  const parts = partsOf(storage);
  if (parts !== undefined) return parts;
  if (typeof storage !== 'object' || storage === null) {
    refuse('options.storage', "a Keyv, directoryStorage(), redisStorage(), or 'memory'", storage);
  }
  const keyv = storage as KeyvLike;
  keyvAdapter(keyv);
  return { backend: (namespace) => keyvBackend(keyv, namespace) };
}

/** A map is what Keyv has by default too. */
function memoryBackend(): ReadParts['backend'] {
  process.emitWarning(
    'Certificates are kept in the memory of this process only: what was pinned is gone when it ends. Give options.storage another place.',
    { type: 'McpTlsWarning', code: 'MCP_TLS_MEMORY_STORE' },
  );
  return (namespace) => ({ ...keyvBackend(new Map<string, string>(), namespace), name: 'memory' });
}

function readCache(cache: CacheOptions): CheckedStoreOptions['cache'] {
  const { ttlMs = 30_000, max = 1_000, staleIfErrorMs = 0 } = cache;
  const { negativeTtlMs = Math.min(5_000, ttlMs) } = cache;
  if (negativeTtlMs > ttlMs) invalidArgument('options.cache.negativeTtlMs is larger than ttlMs');
  return { ttlMs, negativeTtlMs, max, staleIfErrorMs };
}

function readLimits(
  { readMs = 2_000, writeMs = 5_000 }: StoreTimeoutOptions,
  { failures = 5, resetMs = 1_000 }: StoreBreakerOptions,
): Omit<GuardLimits, 'asksForSettings'> {
  return { readMs, writeMs, breakerFailures: failures, breakerMs: resetMs };
}
