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

/** Bytes as colon-separated upper-case hex, as `openssl x509 -text` prints identifiers. */
export function colonHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}
