import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiled, type Program } from './compile.js';
import type { TaskAnswer, TaskRequest } from './serve-tasks.js';

/** A measuring process. */
export interface TaskProcess {
  /** @throws what the task threw, as text */
  call<T>(task: string, input?: unknown): Promise<T>;
}

export interface ProcessOptions {
  /** The Node.js that runs it. */
  readonly binary: string;
  /** Options of Node.js, such as `--expose-gc`. */
  readonly nodeOptions?: readonly string[];
}

/** The processes of one measurement, which end with it. */
export interface Processes extends AsyncDisposable {
  /** Starts a compiled program of the suite as a process of its own. */
  start(program: Program, options: ProcessOptions): TaskProcess;
}

export function makeProcesses(): Processes {
  const children: ChildProcess[] = [];
  return {
    start(program, { binary, nodeOptions = [] }) {
      const child = fork(compiled(program), {
        execPath: binary,
        // Not what this process was started with: a loader would be part of what is measured.
        execArgv: ['--no-warnings', ...nodeOptions],
        env: neutralEnvironment(),
      });
      children.push(child);
      return {
        call: <T>(task: string, input?: unknown) => callTask(child, { task, input }) as Promise<T>,
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(end));
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}

function callTask(child: ChildProcess, request: TaskRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`the process ended (${code ?? signal}) during '${request.task}'`));
    child.once('exit', onExit);
    child.once('message', (answer: TaskAnswer) => {
      child.off('exit', onExit);
      if ('error' in answer) reject(new Error(`${request.task}: ${answer.error}`));
      else resolve(answer.result);
    });
    child.send(request);
  });
}

/** Without what changes how Node.js trusts, connects or runs. */
export function neutralEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^((https?|all|no)_proxy|NODE_.*|SSL_CERT_.*|UV_.*)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
