import { h } from './dom.js';

/** So many at one time: the gateway has other work, too. */
const AT_ONCE = 6;

/**
 * Does something with many, some at one time, showing how far it has come, until somebody stops it.
 *
 * @param work one that throws keeps no other: what it threw is in `failures`
 */
export async function forEachOf(items, what, place, work) {
  const progress = h('progress', { max: String(items.length), value: '0', 'aria-label': what });
  const count = h('span', {}, `${what}: 0 of ${items.length}`);
  let [next, done, stopped] = [0, 0, false];
  const stop = h('button', { type: 'button', onclick: () => (stopped = true) }, 'Stop');
  const failures = [];
  const line = h('div', { class: 'progress' }, count, progress, stop);
  place.append(line);

  async function go() {
    while (!stopped && next < items.length) {
      const item = items[next++];
      try {
        await work(item);
      } catch (error) {
        failures.push({ item, error });
      }
      progress.value = ++done;
      count.textContent = `${what}: ${done} of ${items.length}`;
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, go));
  } finally {
    line.remove();
  }
  return { done, stopped, failures };
}
