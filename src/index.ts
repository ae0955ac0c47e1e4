/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export * from './core.js';

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
export type {
  CertificateFile,
  CertificateFileOptions,
  InspectOptions,
  RegisteredKind,
  RegisteredLinkOptions,
  RegisteredServer,
  RegistryClientFactory,
  RegistryEntry,
  RegistrySseOptions,
  RegistryStats,
  RegistryStreamableHttpOptions,
  Renewal,
  ServerCheck,
  ServerCheckOptions,
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

export type { ClientLike, FetchLike } from './transports/link.js';
export type {
  ClientFactoryLike,
  LinkOptions,
  OwnConnections,
  SharedConnections,
} from './transports/server-link.js';
export type { SseClientOptions } from './transports/sse-client.js';
export { sseClient } from './transports/sse-client.js';
export type { StreamableHttpClientOptions } from './transports/streamable-http-client.js';
export { streamableHttpClient } from './transports/streamable-http-client.js';
