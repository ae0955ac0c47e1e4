import { TlsConfigError } from './errors.js';

/** Throws `MCP_TLS_INVALID_ARGUMENT`. `hint`: what to write instead, where that can be told. */
export function invalidArgument(message: string, hint?: string): never {
  throw new TlsConfigError('MCP_TLS_INVALID_ARGUMENT', message, { hint });
}

/** Checks that `value` is a plain options object with none but the `known` keys. */
export function assertKnownKeys(what: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    invalidArgument(`${what} must be an object`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    invalidArgument(`${what} has an unknown field '${unknown}' (known: ${known.join(', ')})`);
  }
}

/** Checks that `value` is one of `allowed`. */
export function assertOneOf<T extends string>(
  what: string,
  value: unknown,
  allowed: readonly T[],
): asserts value is T {
  if (!allowed.includes(value as T)) {
    invalidArgument(`${what} must be one of ${allowed.map((a) => `'${a}'`).join(', ')}`);
  }
}

export function isValidDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

/** Checks that `value` is a number of milliseconds: finite, not negative. `0` means no limit. */
export function assertMs(what: string, value: unknown): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 2 ** 31 - 1) {
    invalidArgument(`${what} must be a number of milliseconds from 0 (no limit) to ${2 ** 31 - 1}`);
  }
}
