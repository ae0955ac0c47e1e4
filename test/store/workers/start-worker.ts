import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of its own, with a store. */
export interface Worker {
  readonly pid: number | undefined;
  call<T>(task: string, ...args: unknown[]): Promise<T>;
  /** The highest number that `writeForEver` had acknowledged. */
  readonly acknowledged: number;
  /** Such as SIGSTOP, and then SIGCONT. */
  signal(name: NodeJS.Signals): void;
  /** At once, without a chance to finish anything. */
  kill(): Promise<void>;
}

export interface WorkerOptions {
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Modules that are loaded before the program. */
  readonly imports?: readonly string[];
  /** In a process namespace of its own, as a container has one: its process ids mean nothing here. */
  readonly ownProcessIds?: boolean;
  /** In a user namespace of its own, whose system has no watch for files left until it is given some. */
  readonly withoutWatches?: boolean;
}

const FILE = fileURLToPath(new URL('worker.ts', import.meta.url));

/** @param file the program of the process; it answers calls by `serveCalls` */
export async function startWorker(
  file: string = FILE,
  { env = {}, imports = [], ownProcessIds = false, withoutWatches = false }: WorkerOptions = {},
): Promise<Worker> {
  const loaded = ['tsx', ...imports].flatMap((module) => ['--import', module]);
  const command = [process.execPath, ...loaded, file];
  const inside = ownProcessIds ? inContainer(command) : command;
  const [program = '', ...words] = withoutWatches ? inNamespace(inside) : inside;
  const child: ChildProcess = spawn(program, words, {
    env: { ...process.env, ...env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
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
    pid: child.pid,
    call: (task, ...args) =>
      new Promise((resolve, reject) => {
        const call = next++;
        calls.set(call, { resolve, reject });
        child.send({ call, task, args });
      }),
    get acknowledged() {
      return acknowledged;
    },
    signal(name) {
      child.kill(name);
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

/** Of this namespace alone: nobody else on the machine has less. */
export const WATCHES = '/proc/sys/user/max_inotify_instances';

function inNamespace(command: readonly string[]): string[] {
  const script = `echo 0 > ${WATCHES} && exec "$@"`;
  return ['unshare', '--user', '--map-root-user', 'sh', '-c', script, 'sh', ...command];
}

let containers = 0;

/** The host's name, and process ids of its own: in each container the program has another one. */
function inContainer(command: readonly string[]): string[] {
  const others = 3 * ++containers;
  const script = `for i in $(seq ${others}); do /bin/true; done; "$@"; exit $?`;
  const shell = ['sh', '-c', script, 'sh', ...command];
  return ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', ...shell];
}
