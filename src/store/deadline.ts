/** What {@link withDeadline} rejects with. */
export const DEADLINE: unique symbol = Symbol('deadline');

/** The result of `run`, or a rejection with {@link DEADLINE} when it takes longer than `ms`. */
export async function withDeadline<T>(run: () => Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(DEADLINE), ms);
  });
  // In a function of its own, so that what `run` throws at once is a rejection too.
  const work = (async () => run())();
  // What is given up may still fail, and then has nobody to report to.
  work.catch(() => {});
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
