import { setImmediate } from 'node:timers/promises';

/** Several times: what one collection frees may hold on to more. Needs `--expose-gc`. */
export async function collectGarbage(): Promise<void> {
  if (globalThis.gc === undefined) throw new Error('not started with --expose-gc');
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await setImmediate();
  }
}
