import { TlsConfigError } from '../errors.js';

/** Throws `MCP_TLS_INVALID_CERTIFICATE`. The message names what was found and never quotes it. */
export function invalidCertificate(message: string, cause?: unknown): never {
  throw new TlsConfigError(
    'MCP_TLS_INVALID_CERTIFICATE',
    message,
    cause === undefined ? undefined : { cause },
  );
}
