import type { AnyMcpTlsError } from './any-error.js';
import * as approval from './approval-required-error.js';
import * as base from './mcp-tls-error.js';
import * as registry from './registry-error.js';
import * as store from './store-error.js';
import * as config from './tls-config-error.js';
import * as connection from './tls-connection-error.js';
import * as trust from './tls-trust-error.js';

/**
 * The classes as they are public: for `instanceof`, and not to be made or extended. How they are made may
 * change in any release.
 */

/** What stands at the right of `instanceof`. Right for errors of every copy of the package. */
export interface ErrorClass<Instance> {
  [Symbol.hasInstance](value: unknown): value is Instance;
}

export type McpTlsError = AnyMcpTlsError;
export const McpTlsError: ErrorClass<AnyMcpTlsError> = base.McpTlsError;

export type TlsConfigError = config.TlsConfigError;
export const TlsConfigError: ErrorClass<TlsConfigError> = config.TlsConfigError;

export type TlsTrustError = trust.TlsTrustError;
export const TlsTrustError: ErrorClass<TlsTrustError> = trust.TlsTrustError;

export type TlsConnectionError = connection.TlsConnectionError;
export const TlsConnectionError: ErrorClass<TlsConnectionError> = connection.TlsConnectionError;

export type StoreError = store.StoreError;
export const StoreError: ErrorClass<StoreError> = store.StoreError;

export type RegistryError = registry.RegistryError;
export const RegistryError: ErrorClass<RegistryError> = registry.RegistryError;

export type ApprovalRequiredError = approval.ApprovalRequiredError;
export const ApprovalRequiredError: ErrorClass<ApprovalRequiredError> =
  approval.ApprovalRequiredError;
