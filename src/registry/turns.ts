/** Runs what concerns one id one after the other, and different ids side by side. */
export type Turns = <T>(id: string, task: () => Promise<T>) => Promise<T>;

/**
 * A store has no "write unless it was changed": two flows of this process over one record would each
 * write what they made of the old one. Of several processes the last writer wins.
 */
export function makeTurns(): Turns {
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
