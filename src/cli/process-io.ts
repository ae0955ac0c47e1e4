import type { Io } from './command.js';
import { EXIT } from './exit-codes.js';

/** The streams and the environment of this process. */
export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) {
    // Whoever read it has enough: `| head`. The verdict may not have come yet, so this is no success.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.internal);
      throw error;
    });
  }
  return {
    stdin,
    stdout,
    stderr,
    env,
    isTerminal: stdout.isTTY === true,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    columns: stdout.columns || stderr.columns || 80,
  };
}
