/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export type {
  AuthInput,
  CacheOptions,
  CertificateDescription,
  CertificateListEntry,
  CertificateSealer,
  CertificateStore,
  CertificateStoreOptions,
  ClientCertificate,
  ConfigErrorCode,
  CurrentCertificate,
  CustomClient,
  CustomClientFactory,
  CustomClientFactoryOptions,
  CustomClientInit,
  DiagnosticChannel,
  DiagnosticMessages,
  DirectoryStorage,
  EncryptedCertificateStore,
  ErrorCode,
  FetchPeerCertificateOptions,
  Invalidation,
  InvalidationEvent,
  KeyProvider,
  KeyRingInput,
  KeyvLike,
  PassphraseKey,
  PeerCertificate,
  PemInput,
  PreviousCertificate,
  Problem,
  ProblemCode,
  ProvidedKey,
  ProxyInput,
  ProxyOptions,
  RawKey,
  ReadyTrust,
  RegistryErrorCode,
  RewrapReport,
  RouteOptions,
  SealerOptions,
  StoreBackend,
  StoreBackendFactory,
  StoredCertificate,
  StoredCertificateInput,
  StoredClientCertificate,
  StoreErrorCode,
  StoreErrorDetails,
  StoreNotes,
  StoreStats,
  StoreTimeouts,
  TimeoutInput,
  TimeoutOptions,
  TlsVersion,
  TrustErrorCode,
  TrustErrorDetails,
  TrustInput,
  TrustPolicy,
  WrappedKeyProviderOptions,
  WriteCondition,
} from './core.js';
export {
  checkStoredCertificate,
  createCertificateStore,
  createSealer,
  dangerouslyTrustAnyServer,
  describeCertificate,
  directoryBackend,
  directoryStorage,
  explainTlsError,
  fetchPeerCertificate,
  formatCertificate,
  isMcpTlsError,
  isSelfSignedPem,
  McpTlsError,
  makeCustomClientFactory,
  makeSalt,
  makeStoredCertificate,
  NotWrittenError,
  RegistryError,
  StoreError,
  TlsConfigError,
  TlsTrustError,
  trustPolicyOf,
  wrappedKeyProvider,
} from './core.js';

export type { AddressTarget, AllowAddress } from './registry/address-guard.js';
export type { ApprovalDetails } from './registry/approval-required-error.js';
export { ApprovalRequiredError } from './registry/approval-required-error.js';
export type { CertificateFile } from './registry/certificate-files.js';
export type { ServerCheck, ServerCheckOptions } from './registry/check-server.js';
export { createServerRegistry } from './registry/create-server-registry.js';
export type { ServerRegistryOptions } from './registry/read-registry-options.js';
export type {
  RegistryEvent,
  RegistryWatch,
  WatchedCertificate,
  WatchOptions,
} from './registry/registry-watch.js';
export type {
  Approval,
  ApprovalContext,
  ApproveCertificate,
  ListOptions,
  RegisteredServer,
  RegisteredTrust,
  RegisterOptions,
  RegistryClientFactory,
  RegistryEntry,
  RegistrySseOptions,
  RegistryStreamableHttpOptions,
  Renewal,
  ServerChanges,
  ServerRegistry,
} from './registry/server-registry.js';

export type {
  ClientFactoryLike,
  ClientLike,
  FetchLike,
  ServerLinkOptions,
} from './transports/server-link.js';
export type { SseClientOptions } from './transports/sse-client.js';
export { sseClient } from './transports/sse-client.js';
export type { StreamableHttpClientOptions } from './transports/streamable-http-client.js';
export { streamableHttpClient } from './transports/streamable-http-client.js';
