/** Everything of mcp-tls that needs no MCP SDK. */

export type { CertificateDescription } from './certificate/describe-certificate.js';
export { describeCertificate } from './certificate/describe-certificate.js';
export { formatCertificate } from './certificate/format-certificate.js';
export { isSelfSignedPem } from './certificate/is-self-signed-pem.js';
export type { PemInput } from './certificate/pem.js';

export type { AuthInput } from './client/authorization.js';
export type { CustomClient } from './client/custom-client.js';
export type {
  CustomClientFactory,
  CustomClientFactoryOptions,
  CustomClientInit,
} from './client/make-custom-client-factory.js';
export { makeCustomClientFactory } from './client/make-custom-client-factory.js';
export type { TimeoutInput, TimeoutOptions } from './client/timeouts.js';

export type {
  FetchPeerCertificateOptions,
  PeerCertificate,
} from './connect/fetch-peer-certificate.js';
export { fetchPeerCertificate } from './connect/fetch-peer-certificate.js';

export type { ProxyInput, ProxyOptions } from './connect/proxy.js';
export type { RouteOptions } from './connect/route.js';
export type { DiagnosticChannel, DiagnosticMessages } from './diagnostics.js';

export type { ConfigErrorCode, ErrorCode, TrustErrorCode, TrustErrorDetails } from './errors.js';
export { isMcpTlsError, McpTlsError, TlsConfigError, TlsTrustError } from './errors.js';
export { explainTlsError } from './explain-tls-error.js';

export type { ClientCertificate } from './trust/client-certificate.js';
export { dangerouslyTrustAnyServer } from './trust/dangerous.js';
export type { Problem, ProblemCode } from './trust/find-problems.js';
export type { TlsVersion, TrustInput, TrustPolicy } from './trust/trust-policy.js';
