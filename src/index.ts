/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export type {
  AuthInput,
  CertificateDescription,
  ClientCertificate,
  ConfigErrorCode,
  CustomClient,
  CustomClientFactory,
  CustomClientFactoryOptions,
  CustomClientInit,
  DiagnosticChannel,
  DiagnosticMessages,
  ErrorCode,
  FetchPeerCertificateOptions,
  PeerCertificate,
  PemInput,
  Problem,
  ProblemCode,
  ProxyInput,
  ProxyOptions,
  RouteOptions,
  TimeoutInput,
  TimeoutOptions,
  TlsVersion,
  TrustErrorCode,
  TrustErrorDetails,
  TrustInput,
  TrustPolicy,
} from './core.js';
export {
  dangerouslyTrustAnyServer,
  describeCertificate,
  explainTlsError,
  fetchPeerCertificate,
  formatCertificate,
  isMcpTlsError,
  isSelfSignedPem,
  McpTlsError,
  makeCustomClientFactory,
  TlsConfigError,
  TlsTrustError,
} from './core.js';

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
