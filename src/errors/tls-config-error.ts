import { hasBrand } from './brand.js';
import type { ConfigErrorCode } from './codes.js';
import { McpTlsError } from './mcp-tls-error.js';

/** What a {@link TlsConfigError} carries in addition to its code. */
export interface ConfigErrorDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Default false: a mistake stays one. */
  readonly retryable?: boolean;
}

/**
 * A mistake of the caller, thrown at construction or at the call, before anything is sent; or something
 * that this process or installation cannot do.
 */
export class TlsConfigError extends McpTlsError {
  override readonly name = 'TlsConfigError';
  readonly code: ConfigErrorCode;

  static override [Symbol.hasInstance](value: unknown): value is TlsConfigError {
    return hasBrand(value, 'TlsConfigError');
  }

  constructor(code: ConfigErrorCode, message: string, details: ConfigErrorDetails = {}) {
    super('TlsConfigError', message, { retryable: false, ...details, refused: false });
    this.code = code;
  }
}
