/** What is kept of the rounds of one figure. */
export interface Summary {
  readonly median: number;
  /** First and third quartile: half of the rounds lie between them. */
  readonly q1: number;
  readonly q3: number;
  readonly rounds: number;
}

/** @throws if there is nothing to summarise */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    rounds: sorted.length,
  };
}

export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** Between two ranks the value lies on the line between theirs. */
function quantile(sorted: readonly number[], share: number): number {
  const rank = (sorted.length - 1) * share;
  const below = sorted[Math.floor(rank)];
  const above = sorted[Math.ceil(rank)];
  if (below === undefined || above === undefined) throw new Error('no values to summarise');
  return below + (above - below) * (rank - Math.floor(rank));
}
