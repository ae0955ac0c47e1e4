/** Every error that mcp-tls throws on purpose: classes and codes. What they say stands in `errors/words`. */

export type { AnyMcpTlsError } from './errors/any-error.js';
export { ApprovalRequiredError } from './errors/approval-required-error.js';
export type {
  ConnectionErrorCode,
  ErrorCode,
  TrustErrorCode,
} from './errors/codes.js';
export { McpTlsError } from './errors/mcp-tls-error.js';
export { RegistryError } from './errors/registry-error.js';
export { StoreError } from './errors/store-error.js';
export { TlsConfigError } from './errors/tls-config-error.js';
export { TlsConnectionError } from './errors/tls-connection-error.js';
export { TlsTrustError } from './errors/tls-trust-error.js';
