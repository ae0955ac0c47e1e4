import { findRow, type Series } from './support/results.js';

/** What is promised, and where its figure is. */
export interface Definition {
  readonly text: string;
  readonly bound: 'at most' | 'at least';
  /** One for all lines, or for Node.js 20 and 24 apart. */
  readonly limit: number | Readonly<Record<20 | 24, number>>;
  readonly figure: (series: readonly Series[]) => number | undefined;
}

export const OURS = 'mcp-tls';

export function value(
  series: readonly Series[],
  id: string,
  contender: string,
): number | undefined {
  return findRow(series, id, contender)?.value.median;
}

/** To a base of the series: the main one, unless told. */
export function ratio(
  series: readonly Series[],
  id: string,
  contender: string,
  base = series.find((one) => one.id === id)?.bases[0] ?? '',
): number | undefined {
  return findRow(series, id, contender)?.ratios[base]?.median;
}
