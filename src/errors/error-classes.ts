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
  /** By a brand (`Symbol.for`), not by prototype. */
  [Symbol.hasInstance](value: unknown): value is Instance;
}

/** Any error of this package. */
export type McpTlsError = AnyMcpTlsError;
/** For `instanceof`: any error of this package. */
export const McpTlsError: ErrorClass<AnyMcpTlsError> = base.McpTlsError;

/** A mistake in what the caller said. Nothing was sent. */
export type TlsConfigError = config.TlsConfigError;
/** For `instanceof`. */
export const TlsConfigError: ErrorClass<TlsConfigError> = config.TlsConfigError;

/** A peer was judged and is not trusted. No byte of the request went there; a person has to look. */
export type TlsTrustError = trust.TlsTrustError;
/** For `instanceof`. */
export const TlsTrustError: ErrorClass<TlsTrustError> = trust.TlsTrustError;

/** There is no usable connection: the network, the proxy, the server's software, or our client certificate. */
export type TlsConnectionError = connection.TlsConnectionError;
/** For `instanceof`. */
export const TlsConnectionError: ErrorClass<TlsConnectionError> = connection.TlsConnectionError;

/** The store could not read or write. Never means that there is no such record. */
export type StoreError = store.StoreError;
/** For `instanceof`. */
export const StoreError: ErrorClass<StoreError> = store.StoreError;

/** The registry refused an id, an approval or a change. */
export type RegistryError = registry.RegistryError;
/** For `instanceof`. */
export const RegistryError: ErrorClass<RegistryError> = registry.RegistryError;

/** Nobody approved the certificate that was presented; carries what to show to whoever may. */
export type ApprovalRequiredError = approval.ApprovalRequiredError;
/** For `instanceof`. */
export const ApprovalRequiredError: ErrorClass<ApprovalRequiredError> =
  approval.ApprovalRequiredError;
