/** For those who write stores, backends, invalidation and key providers of their own. */

export type { StoreErrorDetails } from '../errors/store-error.js';
export { makeStoreError } from '../errors/store-error.js';
export type { CertificateSealer, SealerOptions } from './create-sealer.js';
export { createSealer } from './create-sealer.js';
export type { Invalidation, InvalidationEvent } from './invalidation.js';
export type { WrappedKeyProviderOptions } from './key-provider.js';
export { wrappedKeyProvider } from './key-provider.js';
export { createSalt } from './passphrase-key.js';
export { createStoredCertificate } from './record/create-stored-certificate.js';
export type { ParseRecordOptions } from './record/parse-stored-certificate.js';
export { parseStoredCertificate } from './record/parse-stored-certificate.js';
export { trustPolicyOf } from './record/server-trust.js';
export type { StorageParts } from './storage.js';
export { createStorage } from './storage.js';
export type { RecordPage, RowHead, StoreBackend, StoreBackendFactory } from './store-backend.js';
export { NotWrittenError } from './store-backend.js';
