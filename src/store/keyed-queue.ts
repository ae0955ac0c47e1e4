/** Runs what concerns one id one after the other, and different ids side by side. */
export type KeyedQueue = <T>(id: string, task: () => Promise<T>) => Promise<T>;

export function makeKeyedQueue(): KeyedQueue {
  const last = new Map<string, Promise<unknown>>();
  return (id, task) => {
    const before = last.get(id) ?? Promise.resolve();
    const mine = before.then(task, task);
    last.set(id, mine);
    const forget = (): void => {
      if (last.get(id) === mine) last.delete(id);
    };
    mine.then(forget, forget);
    return mine;
  };
}
