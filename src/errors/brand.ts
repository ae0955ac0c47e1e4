/**
 * How an error is known, in whatever copy of the package it was made: the ESM and the CommonJS build, and
 * two installed copies, have classes of their own.
 */

const BRAND = Symbol.for('mcp-tls.error');

/** The names of our classes: `error.name`. May grow in a minor release. */
export type ErrorName =
  | 'TlsConfigError'
  | 'TlsTrustError'
  | 'TlsConnectionError'
  | 'StoreError'
  | 'RegistryError'
  | 'ApprovalRequiredError';

/** Marks `error`. Not listed, so that no log shows it. */
export function brand(error: object, name: ErrorName): void {
  Object.defineProperty(error, BRAND, { value: name });
}

/**
 * Whether `value` is branded with this name, or with any. Asks for a text, since a proxy that answers
 * everything answers with something else, and never throws, whatever a getter or a proxy does.
 */
export function hasBrand(value: unknown, name?: ErrorName): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const found = (value as { readonly [BRAND]?: unknown })[BRAND];
    return name === undefined ? typeof found === 'string' : found === name;
  } catch {
    return false;
  }
}
