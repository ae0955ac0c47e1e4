/** Whether ours is worse than it may be. */
import type { Behaviour, Metric } from './behaviours.js';

export type Result = Readonly<Record<Metric, number | undefined>> & {
  readonly goodCalls: number;
  readonly worstGoodMs: number;
};

/** Worse than the better control by more than this is worse. */
const MOST = 1.2;

/** Differences of so much are those of the machine and of Node.js between two runs of the same. */
const NOISE: Readonly<Record<Metric, number>> = {
  cpuMs: 150,
  peakMb: 32,
  stallMs: 60,
  sockets: 2,
  count: 0,
};

const METRICS = Object.keys(NOISE) as Metric[];

/** Why ours is too bad, in a few words for each metric; empty where it is not. */
export function faults(
  { bounds = {} }: Behaviour,
  ours: Result,
  controls: readonly Result[],
): readonly string[] {
  return METRICS.flatMap((metric) => {
    const value = ours[metric];
    const bound = bounds[metric];
    if (value === undefined) return [];
    if (bound !== undefined) {
      return value > bound ? [`${metric} ${round(value)} is over its bound of ${bound}`] : [];
    }
    const theirs = controls.map((one) => one[metric]).filter((one) => one !== undefined);
    if (theirs.length === 0) return [];
    const best = Math.min(...theirs);
    const most = Math.max(best * MOST, best + NOISE[metric]);
    return value > most
      ? [
          `${metric} ${round(value)} is more than ${round(most)}, by the ${round(best)} of a control`,
        ]
      : [];
  });
}

/** Of several runs of the same. */
export function median(results: readonly Result[]): Result {
  const keys = Object.keys(results[0] ?? {}) as (keyof Result)[];
  const of = (key: keyof Result): number | undefined => {
    const sorted = results.map((one) => one[key]).filter((one) => one !== undefined);
    return sorted.sort((a, b) => a - b)[Math.floor((sorted.length - 1) / 2)];
  };
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as unknown as Result;
}

const round = (value: number): number => Math.round(value * 10) / 10;
