import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As npm installs them. `npm run test:cli` builds them. */
const DIST = join(import.meta.dirname, '../../../dist');
/** `mcp-tls` */
export const CLI = join(DIST, 'cli.js');
/** `mcp-tls/register` */
export const REGISTER = join(DIST, 'register.js');
for (const file of [CLI, REGISTER]) {
  if (!existsSync(file)) throw new Error(`${file} is not there: npm run build`);
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Of the home directory and the working directory. */
  readonly folder: string;
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the command as a process of its own, without a terminal. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const { folder, stdin = '', env } = options;
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { ...bareEnvironment(folder), ...env },
    stdio: 'pipe',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  // A command that does not read its input may end before.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** Nothing of this machine that changes what is trusted or how it looks. */
export function bareEnvironment(folder: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8' };
}

/** A folder that is gone afterwards. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'mcp-tls-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
