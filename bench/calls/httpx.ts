import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Processes, TaskProcess } from '../support/start-process.js';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, 'httpx_client.py');

/** With one pool, and with a new client for each call. */
export const HTTPX_CONTENDERS: readonly string[] = ['httpx', 'httpx-new-client'];

/** Debian's own Python, which its package python3-httpx is for, may come second in the path. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** A Python that has httpx, if this machine has one. */
export async function findHttpx(): Promise<string | undefined> {
  for (const python of PYTHONS) {
    const found = await run(python, ['-c', 'import httpx']).catch(() => undefined);
    if (found !== undefined) return python;
  }
  return undefined;
}

/** A contender in Python, called as the others are. */
export function startHttpx(processes: Processes, python: string): TaskProcess {
  return processes.startOther(python, [SOURCE]);
}
