import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './statistics.js';

/** What one call cost, on average over a batch. */
export interface CallCost {
  /** User and system time of the whole process: its threads and garbage collection too. */
  readonly cpuUs: number;
  /** The median of the batch's calls. */
  readonly latencyUs: number;
  /** From the first call's start to the last one's end, for each call. */
  readonly wallUs: number;
}

/** What follows an answer, such as the end of its stream or a socket's, is over by then. */
const SETTLE_MS = 5;

/**
 * Runs a batch of calls, `atOnce` of them at any time.
 *
 * What the batch leaves behind is its own and none of the next one's: the CPU time is taken when it has
 * settled, and where the process has `--expose-gc`, when its short-lived objects are gone.
 *
 * This is not tinybench's or mitata's, because those tell wall time only: the CPU time of a call is
 * spent in part after it has resolved, and in other threads, and is seen over a batch of calls only.
 */
export async function measureCalls(
  call: () => Promise<unknown>,
  count: number,
  atOnce = 1,
): Promise<CallCost> {
  const latencies: number[] = [];
  let left = count;
  const caller = async () => {
    while (left-- > 0) {
      const start = performance.now();
      await call();
      latencies.push(performance.now() - start);
    }
  };
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: atOnce }, caller));
  const wallMs = performance.now() - start;
  await sleep(SETTLE_MS);
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
  const { user, system } = process.cpuUsage(cpuStart);
  return {
    cpuUs: (user + system) / count,
    latencyUs: median(latencies) * 1_000,
    wallUs: (wallMs * 1_000) / count,
  };
}
