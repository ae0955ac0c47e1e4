import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { debianProgram } from '../../support/debian-program.js';
import { bareEnvironment, CLI } from './run-cli.js';

const run = promisify(execFile);

/** A terminal of 80 columns, on which the command runs. */
export interface Terminal extends AsyncDisposable {
  /** What stands on it when `text` does. Rejects after half a minute. */
  until(text: string): Promise<string>;
  /** The same, with the escape sequences that tmux makes of colours. */
  coloured(): Promise<string>;
  type(text: string): Promise<void>;
}

/** Runs the command in a terminal of tmux, and then says its exit code: `exit: 2`. */
export async function inTerminal(
  args: readonly string[],
  {
    folder,
    env = {},
    rows = 50,
  }: { folder: string; env?: Readonly<Record<string, string>>; rows?: number },
): Promise<Terminal> {
  const tmux = await debianProgram('tmux');
  const socket = `mcp-tls-${randomBytes(6).toString('hex')}`;
  const call = async (...command: string[]) =>
    (await run(tmux, ['-L', socket, '-f', '/dev/null', ...command])).stdout;
  const command = [process.execPath, CLI, ...args].map(quoted).join(' ');
  const variables = Object.entries({ ...bareEnvironment(folder), ...env });
  await call(
    ...['new-session', '-d', '-x', '80', '-y', `${rows}`, '-c', folder],
    ...variables.flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    `${command}; echo "exit: $?"; read -r _`,
  );
  return {
    async until(text) {
      for (let tries = 0; tries < 600; tries++) {
        const screen = await call('capture-pane', '-p');
        if (screen.includes(text)) return screen;
        await sleep(50);
      }
      throw new Error(`not on the screen: ${text}\n${await call('capture-pane', '-p')}`);
    },
    coloured: () => call('capture-pane', '-p', '-e'),
    async type(text) {
      await call('send-keys', '-l', text);
      await call('send-keys', 'Enter');
    },
    [Symbol.asyncDispose]: async () => {
      await call('kill-server');
    },
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
