import { hasBrand } from './brand.js';
import type { RegistryErrorCode } from './codes.js';
import { McpTlsError, plain } from './mcp-tls-error.js';
import { REGISTRY_WORDS } from './words/registry-words.js';

/** What was asked of a registry was not done, for the reason in `code`. */
export class RegistryError extends McpTlsError {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  /** The server, by the host application's id. */
  readonly id: string;

  static override [Symbol.hasInstance](value: unknown): value is RegistryError {
    return hasBrand(value, 'RegistryError');
  }

  constructor(
    code: RegistryErrorCode,
    message: string,
    id: string,
    { cause }: { readonly cause?: unknown } = {},
  ) {
    const { hint } = REGISTRY_WORDS[code];
    super('RegistryError', message, { hint, cause, refused: false, retryable: false });
    this.code = code;
    this.id = plain(id);
  }
}
