import { printable } from '../certificate/printable.js';
import type { Io } from './command.js';

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Text with a style of ours. */
export interface Styled {
  readonly style: keyof typeof STYLES;
  readonly text: string;
}

/** A fingerprint or a pin. */
const DIGEST = /^(?:[\dA-F]{2}(?::[\dA-F]{2}){31}|sha256\/[\w+/]{43}=)$/;

/** Of one row, of a name that fills the screen. */
const MAX_ROW_LINES = 4;

/**
 * The one way of text to a terminal. Whatever is not ours to print is escaped here (control characters, escape
 * sequences, what turns the direction of writing), once and for all; styles are put around it afterwards, and only
 * where somebody looks.
 */
export class Screen {
  readonly #out: NodeJS.WritableStream;
  readonly #hasColour: boolean;
  readonly #width: number;
  #hidden: RegExp | undefined;

  constructor({ stdout, env, isTerminal, columns }: Io, out: NodeJS.WritableStream = stdout) {
    this.#out = out;
    const { NO_COLOR: noColour = '', TERM: term } = env;
    const isSeen =
      out === stdout ? isTerminal : (out as Partial<NodeJS.WriteStream>).isTTY === true;
    this.#hasColour = isSeen && noColour === '' && term !== 'dumb';
    this.#width = Math.max(40, columns);
  }

  /**
   * From now on these stand nowhere, whoever says them: a certificate can have the pin of its own key in a name.
   *
   * @param digests fingerprints in hex with colons, pins in base64
   */
  hide(digests: readonly string[]): void {
    const spellings = digests.map((digest) =>
      [...digest.replace(/^sha256\/|:/g, '')].map(escapeForRegExp).join('[\\s:\\\\]*'),
    );
    this.#hidden = new RegExp(`(?:sha256/)?(?:${spellings.join('|')})`, 'gi');
  }

  line(...parts: readonly (string | Styled)[]): void {
    this.#out.write(`${parts.map((part) => this.#styled(part)).join('')}\n`);
  }

  /** Lines no wider than the screen, each after `indent`; the first one after `first`. */
  text(value: string, first: string = '  ', indent: string = '  '): void {
    for (const [i, part] of wrap(this.#shown(value), this.#width - indent.length).entries()) {
      this.line(i === 0 ? first : indent, part);
    }
  }

  /** Labels in one column, values in another; of each value no more than a few lines. */
  rows(rows: readonly (readonly [label: string, value: string])[]): void {
    const wide = Math.max(...rows.map(([label]) => label.length)) + 2;
    for (const [label, value] of rows) {
      const text = this.#shown(value);
      // To be copied: whole, and the terminal breaks it.
      const lines = DIGEST.test(text) ? [text] : wrap(text, this.#width - wide);
      for (const [i, part] of lines.slice(0, MAX_ROW_LINES).entries()) {
        const left = (i === 0 ? label : '').padEnd(wide);
        this.line({ style: 'dim', text: left }, part);
      }
      const more = lines.length - MAX_ROW_LINES;
      if (more > 0) this.line(`${' '.repeat(wide)}... ${more} more lines: see --json`);
    }
  }

  #shown(text: string): string {
    const printed = printable(text);
    return this.#hidden === undefined ? printed : printed.replace(this.#hidden, '(hidden)');
  }

  #styled(part: string | Styled): string {
    if (typeof part === 'string') return this.#shown(part);
    const text = this.#shown(part.text);
    return this.#hasColour ? `\u{1b}[${STYLES[part.style]}m${text}\u{1b}[0m` : text;
  }
}

function escapeForRegExp(character: string): string {
  return character.replace(/[+/=]/, '\\$&');
}

/** Breaks at spaces, and within what is longer than a line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).replace(/^ /, '');
  }
  return [...lines, rest];
}

/** JSON on one line or several, in which nothing stands as itself that a terminal acts upon. */
export function writeJson(out: NodeJS.WritableStream, value: unknown): void {
  const json = JSON.stringify(value, undefined, 2).replace(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
        .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
        .join(''),
  );
  out.write(`${json}\n`);
}
