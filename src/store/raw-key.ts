import { invalidArgument } from '../assert.js';

const BYTES = 32;

/** 32 bytes as base64 or base64url, with or without the padding. */
const BASE64 = /^[\w+/-]{43}={0,2}$/;

const MAKE_ONE = 'Make one with `openssl rand -base64 32` and keep it where secrets are kept.';

/**
 * The bytes of an encryption key: 32 of them, or base64 or base64url of 32. White space around it is taken
 * off: files and commands that print a secret end it with a line break. Nothing of it is ever repeated.
 *
 * @param whose the key, for the message
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, whose hint says what was given instead
 */
export function readRawKey(key: unknown, whose: string): Uint8Array {
  const bytes = ArrayBuffer.isView(key)
    ? new Uint8Array(key.buffer, key.byteOffset, key.byteLength)
    : fromText(key);
  if (bytes?.length === BYTES) return bytes;
  const { what, hint } = otherKey(key);
  return invalidArgument(
    `${whose} must be ${BYTES} bytes, or base64 of them; received ${what}`,
    hint,
  );
}

function fromText(key: unknown): Uint8Array | undefined {
  const text = typeof key === 'string' ? key.trim() : '';
  // Buffer.from drops what is not base64 without a word, and would make a key out of a typing error.
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** What to do about a key that is not there. */
export const NO_KEY: string = `Is the variable set that it comes from? ${MAKE_ONE}`;

/** What was given instead, by its looks alone. */
function otherKey(key: unknown): { readonly what: string; readonly hint: string } {
  if (ArrayBuffer.isView(key)) return { what: `${key.byteLength} bytes`, hint: MAKE_ONE };
  if (key === undefined || key === null || key === '') {
    return { what: 'nothing', hint: NO_KEY };
  }
  if (typeof key !== 'string') return { what: `a ${typeof key}`, hint: MAKE_ONE };
  const text = key.trim();
  if (/^(["'`]).*\1$/s.test(text)) {
    return { what: 'a text in quotes', hint: 'Take the quotes off: they are part of the value.' };
  }
  if (/^(?:0x)?[0-9a-f]{64}$/i.test(text)) {
    return { what: '32 bytes in hex', hint: "Decode them: `Buffer.from(key, 'hex')`." };
  }
  if (/^[\w+/-]+={0,2}$/.test(text) && /[=]$|^[\w+/-]{16,}$/.test(text)) {
    const length = Buffer.from(text, 'base64').length;
    return { what: `a text that would be base64 of ${length} bytes`, hint: MAKE_ONE };
  }
  return {
    what: 'a text that is no base64',
    hint: `A passphrase is given as \`{ id, passphrase, salt }\`, with a salt of \`createSalt()\`; better than a passphrase is a key of \`openssl rand -base64 32\`.`,
  };
}
