/** Does, in a process that `startWorker` began, what its parent calls. */
export function serveCalls(tasks: Record<string, (...args: never[]) => Promise<unknown>>): void {
  process.on(
    'message',
    async ({ call, task, args }: { call: number; task: string; args: never[] }) => {
      try {
        const run = tasks[task];
        if (run === undefined) throw new Error(`there is no task '${task}'`);
        process.send?.({ call, result: await run(...args) });
      } catch (error) {
        process.send?.({ call, error: String((error as Error).stack) });
      }
    },
  );
}
