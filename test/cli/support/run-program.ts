import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const TSX = join(ROOT, 'node_modules/tsx/dist/loader.mjs');

/** A process, and all that it wrote. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly output: { readonly stdout: string; readonly stderr: string };
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Runs Node.js over the sources. */
export function runNode(args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, ['--import', TSX, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, output, exited };
}

/** `mcp-tls`, from the sources. */
export function runCli(args: readonly string[], env: Record<string, string> = {}): Program {
  return runNode([join(ROOT, 'src/cli/main.ts'), ...args], env);
}

/** The hook of `node --import mcp-tls/register`, from the sources. */
export const REGISTER: string = join(ROOT, 'src/register.ts');
