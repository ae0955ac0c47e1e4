import { invalidArgument } from '../../assert.js';

/** Enough for eight certificates of 4 KB and a key, far below what any backend refuses. */
const MAX_CHARS = 131_072;

/**
 * A frozen copy through JSON, so that what is checked is what a backend can hold: no getters, dates or
 * class instances.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function plainCopy(what: string, value: unknown): unknown {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return invalidArgument(`${what} must be plain data`);
  }
  if (text.length > MAX_CHARS) {
    invalidArgument(`${what} has ${text.length} characters of JSON: more than ${MAX_CHARS}`);
  }
  // A field that is there with the value undefined is nearly always an unset variable.
  const unset = Object.entries(value as object).find(
    ([, field]) => field === undefined || field === null,
  );
  if (unset !== undefined) {
    invalidArgument(`${what}.${unset[0]} is ${unset[1]}: leave it out or set it`);
  }
  return deepFreeze(JSON.parse(text));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` unless absent or a text that is not empty */
export function assertText(what: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value === '') {
    invalidArgument(`${what} must be a non-empty string`);
  }
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` unless absent or ISO 8601, as `toISOString` writes it */
export function assertDate(what: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || !isIsoDate(value)) {
    invalidArgument(`${what} must be a date as toISOString() writes it`);
  }
}

function isIsoDate(value: string): boolean {
  const date = new Date(value);
  return !Number.isNaN(date.getTime()) && date.toISOString() === value;
}
