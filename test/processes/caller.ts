import type { ChildProcess } from 'node:child_process';

/** Has a member do things, by message. */
export interface Caller {
  call<T>(task: string, ...args: unknown[]): Promise<T>;
}

/** Calls what a member serves, once it is ready. */
export async function startCaller(child: ChildProcess): Promise<Caller> {
  const calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let next = 0;
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('a member ended before it was told to')));
    child.on('message', (message: 'ready' | { call: number; result?: never; error?: string }) => {
      if (message === 'ready') {
        resolve();
        return;
      }
      const waiting = calls.get(message.call);
      calls.delete(message.call);
      if (message.error === undefined) waiting?.resolve(message.result as never);
      else waiting?.reject(new Error(message.error));
    });
  });
  await ready;
  return {
    call: (task, ...args) =>
      new Promise((resolve, reject) => {
        const call = next++;
        calls.set(call, { resolve, reject });
        child.send({ call, task, args });
      }),
  };
}
