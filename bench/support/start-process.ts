import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
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
  /** Starts one that is no Node.js: it reads requests from its input and prints answers, as lines. */
  startOther(command: string, args: readonly string[]): TaskProcess;
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
      return makeTaskProcess(child, {
        send: (request) => child.send(request),
        onceAnswered: (listener) => child.once('message', listener),
      });
    },
    startOther(command, args) {
      const stdio = ['pipe', 'pipe', 'inherit'] as const;
      const child = spawn(command, args, { stdio: [...stdio], env: neutralEnvironment() });
      children.push(child);
      const { stdin, stdout } = child;
      if (stdin === null || stdout === null) throw new Error('started without pipes');
      const lines = createInterface({ input: stdout });
      return makeTaskProcess(child, {
        send: (request) => stdin.write(`${JSON.stringify(request)}\n`),
        onceAnswered: (listener) => lines.once('line', (line) => listener(JSON.parse(line))),
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(end));
    },
  };
}

interface Channel {
  send(request: TaskRequest): void;
  onceAnswered(listener: (answer: TaskAnswer) => void): void;
}

function makeTaskProcess(child: ChildProcess, channel: Channel): TaskProcess {
  return {
    call: <T>(task: string, input: unknown = null) =>
      new Promise<T>((resolve, reject) => {
        const onExit = (code: number | null, signal: string | null) =>
          reject(new Error(`the process ended (${code ?? signal}) during '${task}'`));
        child.once('exit', onExit);
        channel.onceAnswered((answer) => {
          child.off('exit', onExit);
          if ('error' in answer) reject(new Error(`${task}: ${answer.error}`));
          else resolve(answer.result as T);
        });
        channel.send({ task, input });
      }),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  // Ours exit when nobody listens any more, and write what they still have to, such as a profile.
  if (child.connected) child.disconnect();
  else child.kill();
  await gone;
}

/** Without what changes how Node.js trusts, connects or runs. */
export function neutralEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^((https?|all|no)_proxy|NODE_.*|SSL_CERT_.*|UV_.*)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
