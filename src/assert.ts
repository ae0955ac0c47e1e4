import { TlsConfigError } from './errors.js';

/** Throws `MCP_TLS_INVALID_ARGUMENT`. */
export function invalidArgument(message: string): never {
  throw new TlsConfigError('MCP_TLS_INVALID_ARGUMENT', message);
}

export function isValidDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
