/** Everything of mcp-tls that needs no MCP SDK: all but the transports. */

export type {
  CertificateDescription,
  CertificateKey,
  SubjectAltNames,
} from './certificate/describe-certificate.js';
export { describeCertificate } from './certificate/describe-certificate.js';
export { formatCertificate } from './certificate/format-certificate.js';
export { isSelfSignedPem } from './certificate/is-self-signed-pem.js';
export type { PlainPem } from './certificate/pem.js';

export type { AuthInput } from './client/authorization.js';
export type {
  AnyServerClientInit,
  ClientLimits,
  CustomClientInit,
  ServerClientInit,
  ServerRequestOptions,
} from './client/client-init.js';
export type { CloseOptions } from './client/close-options.js';
export type { ConnectionStats } from './client/connections.js';
export type { CustomClient } from './client/custom-client.js';
export type { HeadersRequest, HeadersSource } from './client/header-source.js';
export type {
  CustomClientFactory,
  CustomClientFactoryOptions,
} from './client/make-custom-client-factory.js';
export { makeCustomClientFactory } from './client/make-custom-client-factory.js';
export type { TrustOfOrigin } from './client/origin-clients.js';
export type { OriginFetch, OriginFetchOptions, OtherFetch } from './client/origin-fetch.js';
export { originFetch } from './client/origin-fetch.js';
export type { NamedOrigins } from './client/other-origins.js';
export type { FactoryStats } from './client/pools.js';
export type { TimeoutOptions } from './client/timeouts.js';

export { publicAddressesOnly } from './connect/address.js';
export type { FetchPeerCertificateOptions } from './connect/fetch-peer-certificate.js';
export { fetchPeerCertificate } from './connect/fetch-peer-certificate.js';
export { fromFile } from './connect/from-file.js';
export type { ParseTrustOptions } from './connect/parse-trust.js';
export { parseTrust } from './connect/parse-trust.js';
export type { PeerCertificate, PeerFacts } from './connect/peer-certificate.js';
export type { ProxyCredentials, ProxyInput, ProxyOptions } from './connect/proxy.js';
export type { AddressTarget, AllowAddress, OriginContext, RouteOptions } from './connect/route.js';
export type { SecureConnectOptions } from './connect/secure-connect.js';
export { secureConnect } from './connect/secure-connect.js';
export { trustSchema } from './connect/trust-schema.js';
export type {
  ConnectionMessage,
  DiagnosticChannel,
  DiagnosticMessages,
  PoolMessage,
  SourceMessage,
} from './diagnostics.js';
export { onDiagnostic } from './diagnostics.js';

export type { AnyMcpTlsError } from './errors/any-error.js';
export type { ErrorName } from './errors/brand.js';
export type {
  ApprovalErrorCode,
  ConfigErrorCode,
  ConnectionErrorCode,
  ErrorCode,
  RegistryErrorCode,
  StoreErrorCode,
  TrustErrorCode,
} from './errors/codes.js';
export type { ErrorClass } from './errors/error-classes.js';
export {
  ApprovalRequiredError,
  McpTlsError,
  RegistryError,
  StoreError,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
} from './errors/error-classes.js';
export type { ErrorJson } from './errors/mcp-tls-error.js';
export { explainTlsError } from './explain-tls-error.js';
export { formatError } from './format-error.js';

export { createServerRegistry } from './registry/create-server-registry.js';
export type {
  Approval,
  ApprovalByCallback,
  ApprovalByFingerprint,
  ApprovalContext,
  ApproveCertificate,
  RegisterOptions,
  Registration,
  ServerChanges,
  ServerSettings,
  TrustOnFirstUse,
} from './registry/enrol/enrol-options.js';
export type { ServerRegistryOptions } from './registry/read-registry-options.js';
export type { ShownClientCertificate } from './registry/shown-client-certificate.js';
export type {
  CertificateFile,
  CertificateFileOptions,
  InspectOptions,
  RegisteredKind,
  RegisteredLinkOptions,
  RegisteredServer,
  RegistryClientFactory,
  RegistryEntry,
  RegistryStats,
  Renewal,
  ServerCheck,
  ServerCheckOptions,
  ServerListOptions,
  ServerRegistry,
} from './registry/types.js';
export type {
  EndingEvent,
  RegistryEvent,
  RegistryListener,
  RegistryWatch,
  ServerEvent,
  WatchedCertificate,
  WatchOptions,
} from './registry/watch/events.js';
export type { CertificateStore } from './store/certificate-store.js';
export type { EncryptedCertificateStore, StoreStats } from './store/create-certificate-store.js';
export { createCertificateStore } from './store/create-certificate-store.js';
export { directoryStorage } from './store/directory-storage.js';
export type { RawKey } from './store/key-ring.js';
export type { PassphraseKey } from './store/passphrase-key.js';
export type {
  StoredCertificate,
  StoredCertificateInput,
} from './store/record/stored-certificate.js';
export type { RecordFile } from './store/record/stored-file.js';
export type { RewrapReport } from './store/rewrap-records.js';
export type { CertificateStorage } from './store/storage.js';
export type { CertificateStoreOptions } from './store/store-options.js';
export type { ClientLike, FetchLike } from './transports/client-like.js';
export type {
  ClientFactoryLike,
  LinkOptions,
  OwnConnections,
  SharedConnections,
} from './transports/server-link.js';
export { checkTrust } from './trust/check-trust-policy.js';
export type {
  ClientCertificate,
  ClientCertificateAndKey,
  ClientCertificateInPfx,
} from './trust/client-certificate.js';
export { dangerouslyTrustAnyServer } from './trust/dangerous.js';
export type { Problem, ProblemCode } from './trust/problem.js';
export type { FileSource, Material, MaterialFunction, PemInput } from './trust/source.js';
export type {
  Origins,
  ReadyTrust,
  TlsGroup,
  TlsVersion,
  TrustByCa,
  TrustByPin,
  TrustByRoots,
  TrustInput,
  TrustPolicy,
} from './trust/trust-policy.js';
export type { TrustFile } from './trust-file/read-trust-file.js';
export { readTrustFile } from './trust-file/read-trust-file.js';
export { trustFileSchema } from './trust-file/trust-file-schema.js';
export type { TrustFileServer } from './trust-file/trust-file-text.js';
