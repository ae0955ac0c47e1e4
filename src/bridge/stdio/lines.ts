import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';

/** A line that was longer than its bound, in place of its text. */
export const TOO_LONG: unique symbol = Symbol('too long');

const LF = 0x0a;

/**
 * The lines of a stream, without their ends, empty ones left out. The next bytes are read when the line
 * before was dealt with: whoever is slow holds the writer up. What follows the last line break is a line too.
 *
 * @param maxBytes of one line: what is longer is thrown away as it comes, and {@link TOO_LONG} stands for it
 */
export async function* readLines(
  input: Readable,
  maxBytes: number,
): AsyncGenerator<string | typeof TOO_LONG, void, undefined> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const add = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const take = (): string | typeof TOO_LONG => {
    const line = bytes > maxBytes ? TOO_LONG : Buffer.concat(pieces).toString('utf8').trim();
    pieces = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    let from = 0;
    for (let at = data.indexOf(LF); at !== -1; at = data.indexOf(LF, from)) {
      add(data.subarray(from, at));
      from = at + 1;
      const line = take();
      if (line !== '') yield line;
    }
    if (from < data.length) add(data.subarray(from));
  }
  const last = take();
  if (last !== '') yield last;
}
