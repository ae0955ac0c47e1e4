/**
 * For those who write stores, backends, invalidation and key providers of their own, and the types that only they
 * name. What a program that uses a store names is in `mcp-tls`.
 */

export type { StoreErrorDetails } from '../errors/store-error.js';
export { makeStoreError } from '../errors/store-error.js';
export type {
  CertificateListEntry,
  CurrentCertificate,
  ListOptions,
  TrustBatch,
  WriteCondition,
} from './certificate-store.js';
export type { CertificateSealer, SealerOptions } from './create-sealer.js';
export { createSealer } from './create-sealer.js';
export type { DirectoryStorageOptions } from './directory-storage.js';
export type { Invalidation, InvalidationEvent } from './invalidation.js';
export type { KeyProvider, ProvidedKey, WrappedKeyProviderOptions } from './key-provider.js';
export { wrappedKeyProvider } from './key-provider.js';
export type { KeyRingInput } from './key-ring.js';
export type { KeyvAdapterLike, KeyvInstanceLike, KeyvLike } from './keyv-like.js';
export { createSalt } from './passphrase-key.js';
export { createStoredCertificate } from './record/create-stored-certificate.js';
export type { ParseRecordOptions } from './record/parse-stored-certificate.js';
export { parseStoredCertificate } from './record/parse-stored-certificate.js';
export { trustPolicyOf } from './record/server-trust.js';
export type {
  ApprovedCertificate,
  PreviousCertificate,
  StoredClientCertificate,
  StoredTrust,
} from './record/stored-certificate.js';
export type { StoredFile } from './record/stored-file.js';
export type { CacheOptions, CacheStats } from './record-cache.js';
export type { RewrapOptions } from './rewrap-records.js';
export type { StorageOptions } from './storage.js';
export { createStorage } from './storage.js';
export type { RecordPage, RowHead, StoreBackend, StoreBackendFactory } from './store-backend.js';
export { NotWrittenError } from './store-backend.js';
export type { StoreNotes } from './store-notes.js';
export type { StoreBreakerOptions, StoreTimeoutOptions } from './store-options.js';
