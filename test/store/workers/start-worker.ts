import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of its own, with a store. */
export interface Worker {
  call<T>(task: string, ...args: unknown[]): Promise<T>;
  /** The highest number that `writeForEver` had acknowledged. */
  readonly acknowledged: number;
  /** At once, without a chance to finish anything. */
  kill(): Promise<void>;
}

const FILE = fileURLToPath(new URL('worker.ts', import.meta.url));

/**
 * @param file the program of the process; it answers calls by `serveCalls`
 * @param env variables besides those of this process
 */
export async function startWorker(
  file: string = FILE,
  env: Readonly<Record<string, string>> = {},
): Promise<Worker> {
  const options = { execArgv: ['--import', 'tsx'], env: { ...process.env, ...env } };
  const child: ChildProcess = fork(file, options);
  const calls = new Map<number, { resolve(v: never): void; reject(e: Error): void }>();
  let [next, acknowledged] = [0, 0];
  child.on(
    'message',
    (message: { call?: number; result?: never; error?: string; acknowledged?: number }) => {
      if (message.acknowledged !== undefined) acknowledged = message.acknowledged;
      if (message.call === undefined) return;
      const waiting = calls.get(message.call);
      calls.delete(message.call);
      if (message.error === undefined) waiting?.resolve(message.result as never);
      else waiting?.reject(new Error(message.error));
    },
  );
  return {
    call: (task, ...args) =>
      new Promise((resolve, reject) => {
        const call = next++;
        calls.set(call, { resolve, reject });
        child.send({ call, task, args });
      }),
    get acknowledged() {
      return acknowledged;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}
