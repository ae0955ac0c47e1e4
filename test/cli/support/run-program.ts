import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/** A process, and all that it wrote. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly output: { readonly stdout: string; readonly stderr: string };
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export function runNode(args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } });
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
