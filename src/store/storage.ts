import { invalidArgument } from '../assert.js';
import {
  custom,
  type Declaration,
  declareOptions,
  given,
  readOptions,
  required,
} from '../options.js';
import type { Invalidation } from './invalidation.js';
import type { StoreBackendFactory } from './store-backend.js';

/**
 * Where the records of a store lie, and how processes that share it announce changes to each other: what
 * `createCertificateStore` takes as `storage`. Made by `directoryStorage`, `redisStorage` of
 * `mcp-tls/redis`, or {@link createStorage}. Opaque.
 */
export interface CertificateStorage {
  readonly [certificateStorage]: true;
}
declare const certificateStorage: unique symbol;

/** Options of {@link createStorage}. */
export interface StorageOptions {
  /** Makes the backend of one namespace; or another storage, whose records these are. */
  backend: StoreBackendFactory | CertificateStorage;
  /** A channel on which processes announce changes to each other. Closed with the store. */
  invalidation?: Invalidation;
}

/** What a storage holds. */
export interface ReadParts {
  readonly backend: StoreBackendFactory;
  readonly invalidation?: Invalidation;
}

/** Known by this in every entry and build of the package. The number is that of the form. */
const PARTS = Symbol.for('mcp-tls.storage/1');

const STORAGE: Declaration<StorageOptions> = declareOptions<StorageOptions>(
  'createStorage: options',
  {
    backend: required(
      custom<StoreBackendFactory | CertificateStorage>(
        'a function that makes a backend of a namespace, or another storage',
        (value) => typeof value === 'function' || partsOf(value) !== undefined,
      ),
    ),
    invalidation: given(custom<Invalidation>('an Invalidation', isInvalidation)),
  },
);

function isInvalidation(value: unknown): boolean {
  const { subscribe, publish, close } = (value ?? {}) as Partial<Invalidation>;
  return [subscribe, publish, close].every((method) => typeof method === 'function');
}

/**
 * Makes a storage of a backend of your own.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function createStorage(options: StorageOptions): CertificateStorage {
  const { backend, invalidation } = readOptions(STORAGE, options);
  const made = typeof backend === 'function' ? backend : (partsOf(backend) as ReadParts).backend;
  return storageOf({ backend: made, ...(invalidation === undefined ? {} : { invalidation }) });
}

/** As {@link createStorage}, of parts of our own. */
export function storageOf(parts: ReadParts): CertificateStorage {
  const storage = Object.defineProperty({}, PARTS, { value: Object.freeze({ ...parts }) });
  return Object.freeze(storage) as CertificateStorage;
}

/** The parts of a storage; `undefined` for what is none. */
export function partsOf(storage: unknown): ReadParts | undefined {
  return typeof storage === 'object' && storage !== null && PARTS in storage
    ? (storage as { readonly [PARTS]: ReadParts })[PARTS]
    : undefined;
}

/** A path to keep records in. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') invalidArgument('path must be a non-empty string');
}
