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
  assertSet(what, value as object);
  const copy = JSON.parse(text);
  freeze(copy);
  return copy;
}

/**
 * What was parsed from JSON a moment ago and is nobody else's: frozen as it is, since a copy takes longer than
 * everything else that is done with a record but its certificate.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function freezePlain(what: string, value: object): void {
  assertSet(what, value);
  const chars = freeze(value);
  if (chars > MAX_CHARS) {
    invalidArgument(`${what} has ${chars} characters: more than ${MAX_CHARS}`);
  }
}

/** A field that is there with the value undefined is nearly always an unset variable. */
function assertSet(what: string, value: object): void {
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined && field !== null) continue;
    invalidArgument(`${what}.${name} is ${field}: leave it out or set it`);
  }
}

/** @returns how many characters its texts have */
function freeze(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  Object.freeze(value);
  let chars = 0;
  for (const name of Object.keys(value)) {
    chars += name.length + freeze((value as Readonly<Record<string, unknown>>)[name]);
  }
  return chars;
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
