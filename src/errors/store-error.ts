import { hasBrand } from './brand.js';
import type { StoreErrorCode } from './codes.js';
import { McpTlsError, plain } from './mcp-tls-error.js';
import { STORE_WORDS } from './words/store-words.js';

/** What a `StoreError` carries in addition to its code. */
export interface StoreErrorDetails {
  readonly id?: string | undefined;
  readonly keyId?: string | undefined;
  /** Default: by the code. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'MCP_TLS_STORE_UNAVAILABLE',
  'MCP_TLS_STORE_TIMEOUT',
]);

/** There is or was a record, and it is not given out. */
const REFUSED: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'MCP_TLS_STORE_EMPTIED',
  'MCP_TLS_STORE_VANISHED',
  'MCP_TLS_STORE_ROLLED_BACK',
  'MCP_TLS_STORE_TAMPERED',
  'MCP_TLS_STORE_EXPIRED',
]);

/**
 * A record could not be read or written, for the reason in `code`. It says nothing about whether there is
 * one.
 */
export class StoreError extends McpTlsError {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** The record, by the host application's id. */
  readonly id: string | undefined;
  /** The key that is named in the record's envelope. Never the key itself. */
  readonly keyId: string | undefined;

  static override [Symbol.hasInstance](value: unknown): value is StoreError {
    return hasBrand(value, 'StoreError');
  }

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails = {}) {
    super('StoreError', message, {
      hint: details.hint ?? STORE_WORDS[code]?.hint,
      cause: details.cause,
      refused: REFUSED.has(code),
      retryable: RETRYABLE.has(code),
    });
    this.code = code;
    this.id = plain(details.id);
    this.keyId = plain(details.keyId);
  }
}

/**
 * For a `CertificateStore` of your own, over your own database: the error to reject with, so that the
 * registry and your application see what they would see of ours. `MCP_TLS_STORE_CONFLICT` is what the
 * registry goes by when a conditional `set` was overtaken.
 *
 * @param details `id` of the record; `cause`, the error of your database
 */
export function makeStoreError(
  code: StoreErrorCode,
  message: string,
  details: Pick<StoreErrorDetails, 'id' | 'cause'> = {},
): StoreError {
  return new StoreError(code, message, details);
}
