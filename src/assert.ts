import { TlsConfigError } from './errors.js';

/** Throws `MCP_TLS_INVALID_ARGUMENT`. `hint`: what to write instead, where that is known. */
export function invalidArgument(message: string, hint?: string): never {
  throw new TlsConfigError('MCP_TLS_INVALID_ARGUMENT', message, { hint });
}

export function isValidDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
