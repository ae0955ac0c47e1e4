import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/waiting.js';

/** A server of its own, that can be put into every trouble. */
export interface StartedServer {
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, with the same files. */
  start(): Promise<void>;
  /** Stops answering, with the connections open; and goes on. */
  hang(): void;
  goOn(): void;
  stop(): Promise<void>;
}

/**
 * @param name of its folder of files
 * @param words its command line
 * @param isUp rejects while it does not answer
 */
export async function startServer(
  program: string,
  name: string,
  words: (folder: string) => readonly string[] | Promise<readonly string[]>,
  isUp: () => Promise<unknown>,
): Promise<StartedServer> {
  const folder = mkdtempSync(join(tmpdir(), `mcp-tls-${name}-`));
  const line = await words(folder);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(program, line, { stdio: 'ignore' });
    await eventually(isUp, 30_000);
  }

  async function kill(): Promise<void> {
    const dying = child;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    dying.kill('SIGKILL');
    await new Promise((resolve) => dying.once('exit', resolve));
  }

  await start();
  return {
    kill,
    start,
    hang: () => child?.kill('SIGSTOP'),
    goOn: () => child?.kill('SIGCONT'),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
