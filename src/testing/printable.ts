/**
 * The text in one line, without what a terminal would act on. Error messages may quote a hostile
 * server: its escape sequences must not move a cursor, its marks of writing direction not reorder a
 * line.
 */
export function printable(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
