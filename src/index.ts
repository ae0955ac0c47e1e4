/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export * from './core.js';

export { createServerRegistry } from './registry/create-server-registry.js';
export type { ServerRegistryOptions } from './registry/read-registry-options.js';
export type {
  Approval,
  ApprovalContext,
  ApproveCertificate,
  CertificateFile,
  ListOptions,
  RegisteredKind,
  RegisteredServer,
  RegisterOptions,
  RegistryClientFactory,
  RegistryEntry,
  RegistrySseOptions,
  RegistryStreamableHttpOptions,
  Renewal,
  ServerChanges,
  ServerCheck,
  ServerCheckOptions,
  ServerRegistry,
  ServerSettings,
} from './registry/types.js';
export type {
  RegistryEvent,
  RegistryWatch,
  WatchedCertificate,
  WatchOptions,
} from './registry/watch/events.js';

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
