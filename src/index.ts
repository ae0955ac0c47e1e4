/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export type {
  AuthInput,
  CertificateDescription,
  ConfigErrorCode,
  CustomClient,
  CustomClientFactory,
  CustomClientFactoryOptions,
  CustomClientInit,
  ErrorCode,
  FetchPeerCertificateOptions,
  PeerCertificate,
  PemInput,
  Problem,
  ProblemCode,
  TimeoutInput,
  TimeoutOptions,
  TlsVersion,
  TrustErrorCode,
  TrustErrorDetails,
  TrustInput,
  TrustPolicy,
} from './core.js';
export {
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
