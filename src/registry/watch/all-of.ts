/** Waits for all of them, so that nothing goes on after a failure was reported. @throws the first failure */
export async function allOf(tasks: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** Runs `task` for each, so many at one time, and waits for all. @throws the first failure */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await task(item);
  };
  await allOf(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
