import { TlsConfigError } from '../errors.js';

/**
 * A mistake in the arguments of a fetch. The fetch rejects with a TypeError around it, as the platform's
 * does. The message repeats no URL, header value or body.
 *
 * @param cause what the caller's own code threw, if anything
 */
export function requestError(message: string, cause?: unknown): TlsConfigError {
  const options = cause === undefined ? undefined : { cause };
  return new TlsConfigError('MCP_TLS_INVALID_ARGUMENT', message, options);
}
