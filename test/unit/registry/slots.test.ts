import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/registry/watch/slots.js';

/** A task that ends when it is let go. */
function held(): { readonly task: () => Promise<void>; readonly end: () => void } {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { task: () => ended, end };
}

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Slots', () => {
  it('run no more tasks at one time than there are, in the order of their arrival', async () => {
    const slots = new Slots(2);
    const begun: number[] = [];
    const tasks = [held(), held(), held(), held()];
    const all = tasks.map(({ task }, i) =>
      slots.run(() => {
        begun.push(i);
        return task();
      }),
    );
    await soon();
    expect(begun).toEqual([0, 1]);
    tasks[1]?.end();
    await soon();
    expect(begun).toEqual([0, 1, 2]);
    for (const { end } of tasks) end();
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it('give the place of a task that failed to the next one', async () => {
    const slots = new Slots(1);
    const failing = slots.run(() => Promise.reject(new Error('refused')));
    const next = slots.run(async () => 'made');
    await expect(failing).rejects.toThrow('refused');
    expect(await next).toBe('made');
  });

  it('have room again only when all that came before has begun', async () => {
    const slots = new Slots(1);
    const [first, second] = [held(), held()];
    let hasRoom = false;
    const all = [slots.run(first.task), slots.run(second.task)];
    const room = slots.untilRoom().then(() => {
      hasRoom = true;
    });
    first.end();
    await soon();
    expect(hasRoom).toBe(false);
    second.end();
    await Promise.all([...all, room]);
  });
});
