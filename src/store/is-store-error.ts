import { isMcpTlsError, type StoreError } from '../errors.js';

/** Of this copy or another: each CommonJS entry has a class of its own. */
export function isStoreError(value: unknown): value is StoreError {
  return isMcpTlsError(value) && value.name === 'StoreError';
}
