/** The processes of a run, each told apart from the others by what it is measured for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { compiledProgram } from '../support/compile-programs.js';
import type { Servers } from './servers.js';

const ROOT = join(import.meta.dirname, '../..');

export const FOLDER = 'test/hostile';
export const PROGRAMS = ['servers', 'contender', 'gateway', 'gateway-servers'] as const;
type Program = (typeof PROGRAMS)[number];

export interface Started {
  readonly child: ChildProcess;
  /** The next line that it prints. @throws if it ends before */
  line(): Promise<string>;
}

export function start(
  binary: string,
  program: Program,
  args: readonly string[],
  flags: readonly string[] = [],
): Started {
  const child = spawn(
    binary,
    ['--no-warnings', ...flags, compiledProgram(FOLDER, program), ...args],
    {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  // It is elsewhere: what it spends itself is not to be missing here.
  if (args[0] === 'hostile') setPriority(child.pid as number, constants.priority.PRIORITY_LOW);
  const lines: Interface = createInterface({ input: child.stdout });
  const next = lines[Symbol.asyncIterator]();
  return {
    child,
    async line() {
      const { value, done } = await next.next();
      if (done) throw new Error(`${program} ${args.slice(0, 2).join(' ')} ended`);
      return value;
    },
  };
}

export interface ServerProcess extends AsyncDisposable {
  readonly servers: Servers;
  readonly pid: number;
  /** How often what was asked for since the last time. */
  counts(): Promise<Readonly<Record<string, number>>>;
}

export async function startServers(
  binary: string,
  which: 'hostile' | 'good',
): Promise<ServerProcess> {
  const started = start(binary, 'servers', [which]);
  const servers = JSON.parse(await started.line()) as Servers;
  return {
    servers,
    pid: started.child.pid as number,
    async counts() {
      started.child.stdin?.write('counts\n');
      return JSON.parse(await started.line());
    },
    async [Symbol.asyncDispose]() {
      started.child.kill();
    },
  };
}
