import { invalidArgument } from '../assert.js';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const MAX_ID_BYTES = 128;

/**
 * The backend's key for a record: the id in base32 (RFC 4648 §6, lower case, no padding). Nothing in
 * it is special to Keyv (':' is), to Redis patterns or to SQL LIKE, and no two ids meet on a file
 * system that ignores case, as base64 would. With the longest namespace it has 246 characters:
 * within the 255 of a file name and of @keyv/postgres's column.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function recordKey(id: string): string {
  assertId(id);
  return toBase32(Buffer.from(id, 'utf8'));
}

/** The id behind a key of {@link recordKey}; `undefined` for what is no such key. */
export function recordId(key: string): string | undefined {
  const binary = fromBase32(key);
  // Each character a byte: nearly every id is ASCII, and needs no more. Lists decode every key of a store.
  if (binary === undefined || ASCII.test(binary)) return binary;
  const bytes = Buffer.from(binary, 'latin1');
  const id = bytes.toString('utf8');
  return Buffer.from(id, 'utf8').equals(bytes) ? id : undefined;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id === '') invalidArgument('id must be a non-empty string');
  // A lone surrogate has no UTF-8: two such ids would become one key.
  if (/\p{Surrogate}/u.test(id)) invalidArgument('id is not well-formed Unicode');
  const length = Buffer.byteLength(id, 'utf8');
  if (length > MAX_ID_BYTES) {
    invalidArgument(`id has ${length} bytes of UTF-8: more than ${MAX_ID_BYTES}`);
  }
}

/** What a namespace must be. */
export const NAMESPACE = '1 to 40 of a-z, 0-9 and -, not starting with -';

export function isNamespace(namespace: unknown): boolean {
  return typeof namespace === 'string' && /^[a-z0-9][a-z0-9-]{0,39}$/.test(namespace);
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}

const ASCII = /^[\0-\x7f]*$/;

/** What each ASCII character stands for, -1: nothing. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  ALPHABET.indexOf(String.fromCharCode(code)),
);

/** The bytes, as characters. Only of the one spelling that {@link toBase32} writes, and never of none. */
function fromBase32(text: string): string | undefined {
  let binary = '';
  let bits = 0;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = DIGITS[text.charCodeAt(at)] ?? -1;
    if (digit === -1) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    binary += String.fromCharCode((value >>> bits) & 0xff);
  }
  // No character too many at the end, and none that says more than its byte.
  const isCanonical = bits < 5 && (value & ((1 << bits) - 1)) === 0;
  return isCanonical && binary !== '' ? binary : undefined;
}
