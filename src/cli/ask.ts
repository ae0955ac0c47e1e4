import { createInterface } from 'node:readline';
import type { Io } from './command.js';

/** One line of a person at the terminal; `undefined` if they end the input instead. */
export function askLine({ stdin, stderr }: Io, question: string): Promise<string | undefined> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  stderr.write(question);
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line.trim());
      lines.close();
    });
    lines.once('close', () => {
      // A terminal that is read keeps the process alive.
      stdin.pause();
      resolve(undefined);
    });
  });
}
