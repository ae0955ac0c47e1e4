import { TlsConfigError } from '../errors.js';

/**
 * Throws `MCP_TLS_INVALID_CERTIFICATE`. The message names what was found and never quotes it.
 *
 * @param hint what to do; that of `cause`, where it is ours and has one
 */
export function invalidCertificate(message: string, cause?: unknown, hint?: string): never {
  throw new TlsConfigError('MCP_TLS_INVALID_CERTIFICATE', message, {
    cause,
    hint: hint ?? (cause instanceof TlsConfigError ? cause.hint : undefined),
  });
}
