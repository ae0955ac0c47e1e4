import type { ApprovalRequiredError } from './approval-required-error.js';
import type { RegistryError } from './registry-error.js';
import type { StoreError } from './store-error.js';
import type { TlsConfigError } from './tls-config-error.js';
import type { TlsConnectionError } from './tls-connection-error.js';
import type { TlsTrustError } from './tls-trust-error.js';

/**
 * Any error of mcp-tls: `instanceof`, `name` and `code` all narrow it. May grow in a minor release: keep a
 * `default`.
 */
export type AnyMcpTlsError =
  | TlsConfigError
  | TlsTrustError
  | TlsConnectionError
  | StoreError
  | RegistryError
  | ApprovalRequiredError;
