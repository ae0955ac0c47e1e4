/**
 * `text` with everything escaped that a terminal or a log would act upon: control characters (line
 * breaks, escape sequences), invisible and direction-changing ones, line separators, unassigned and
 * private ones. A certificate's strings are its author's, who may want to forge a log line.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Text of a stranger in a sentence of ours. */
const MAX_CHARS = 400;
/** Of a list of names, before the rest is counted. */
const MAX_NAMES_CHARS = 200;

/** `text`, cut where it is longer than a sentence has room for. */
export function brief(text: string): string {
  return text.length <= MAX_CHARS
    ? text
    : `${text.slice(0, MAX_CHARS)}... (${text.length} characters)`;
}

/** A list of names that are separated by `, `, with a count of those that there is no room for. */
export function briefNames(names: string): string {
  if (names.length <= MAX_NAMES_CHARS) return names;
  const shown = names.slice(0, MAX_NAMES_CHARS).split(', ').slice(0, -1);
  const more = names.split(', ').length - shown.length;
  // One that fills the room alone is no list.
  return shown.length === 0 ? brief(names) : `${shown.join(', ')} and ${more} more names`;
}

/** Bytes as colon-separated upper-case hex, as `openssl x509 -text` prints identifiers. */
export function colonHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}
