import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventSize } from '../../../src/client/body-limit.js';

/** The longest that an event of `text` gets, comments and line ends not counted: by the text as a whole. */
function longestOf(text: string): number {
  let longest = 0;
  let event = 0;
  const lines = text.split(/\r\n|\r|\n/);
  for (const [i, line] of lines.entries()) {
    if (line === '' && i < lines.length - 1) event = 0;
    else {
      longest = Math.max(longest, event + line.length);
      if (!line.startsWith(':')) event += line.length;
    }
  }
  return longest;
}

function exceeds(text: string, cuts: readonly number[], most: number): boolean {
  const size = new EventSize(most);
  let from = 0;
  for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
    if (size.exceeds(Buffer.from(text.slice(from, cut)))) return true;
    from = Math.max(from, cut);
  }
  return false;
}

it.each([
  ['LF', ['\n', '\n\n']],
  ['any line end', ['\n', '\r', '\r\n', '\n\n']],
])('the size of an event is that of its lines, however the stream is cut, with %s', (_, ends) => {
  const pieces = fc.constantFrom(...ends, 'a', 'data: xyz', ':', ': comment', '::', 'x:');
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
      fc.array(fc.nat(200), { maxLength: 6 }),
      fc.nat(40),
      (text, cuts, most) => {
        const within = cuts.map((cut) => Math.min(cut, text.length));
        expect(exceeds(text, within, most)).toBe(longestOf(text) > most);
      },
    ),
    { numRuns: 2_000 },
  );
});
