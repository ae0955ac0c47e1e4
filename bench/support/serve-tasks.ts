import { startProfile, stopProfile } from './profiler.js';

/** Tasks of a measuring process, which the main process calls by name. */
export type Tasks = Readonly<Record<string, (input: never) => unknown>>;

export interface TaskRequest {
  readonly task: string;
  readonly input: unknown;
}

export type TaskAnswer = { readonly result: unknown } | { readonly error: string };

/**
 * Runs tasks as the main process asks for them, one at a time, until it hangs up. Besides its own, each
 * process has `startProfile` and `stopProfile`.
 */
export function serveTasks(tasks: Tasks): void {
  const all: Tasks = { ...tasks, startProfile, stopProfile };
  process.on('message', async ({ task, input }: TaskRequest) => {
    process.send?.(await answer(all, task, input));
  });
  process.on('disconnect', () => process.exit());
}

async function answer(tasks: Tasks, task: string, input: unknown): Promise<TaskAnswer> {
  try {
    const run = tasks[task];
    if (run === undefined) throw new Error(`no task '${task}'`);
    return { result: await run(input as never) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
