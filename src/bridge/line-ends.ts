/**
 * Finds the ends of lines in one text, from its start on. Each character is looked at once for LF and once for CR,
 * however many lines there are: a look for the nearer of two at every line would read the rest of the text each time.
 */
export class LineEnds {
  readonly #text: string;
  #lf = -1;
  #cr = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param from not before that of an earlier call @returns -1 if no line ends from there on */
  next(from: number): number {
    if (this.#lf < from) this.#lf = this.#find('\n', from);
    if (this.#cr < from) this.#cr = this.#find('\r', from);
    const at = Math.min(this.#lf, this.#cr);
    return at === Number.POSITIVE_INFINITY ? -1 : at;
  }

  #find(end: string, from: number): number {
    const at = this.#text.indexOf(end, from);
    return at === -1 ? Number.POSITIVE_INFINITY : at;
  }
}
