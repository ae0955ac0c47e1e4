import { findRow, type Series } from './support/results.js';

/** A promise of the fast path, and the figure that tells whether it is kept. */
export interface Target {
  readonly id: string;
  readonly text: string;
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  /** `undefined` where the run has no such figure. */
  readonly figure: number | undefined;
}

export function isMet({ bound, figure, limit }: Target): boolean | undefined {
  if (figure === undefined) return undefined;
  return bound === 'at most' ? figure <= limit : figure >= limit;
}

interface Definition {
  readonly text: string;
  readonly bound: Target['bound'];
  /** One for all lines, or for Node.js 20 and 24 apart. */
  readonly limit: number | Readonly<Record<20 | 24, number>>;
  readonly figure: (series: readonly Series[]) => number | undefined;
}

/** The targets of a Node.js line. Lines between take the limits of the line below them. */
export function targetsOf(line: number, series: readonly Series[]): readonly Target[] {
  const limitsOf = line >= 24 ? 24 : 20;
  return Object.entries(DEFINITIONS).map(([id, { text, bound, limit, figure }]) => ({
    id,
    text,
    bound,
    limit: typeof limit === 'number' ? limit : limit[limitsOf],
    figure: figure(series),
  }));
}

const DEFINITIONS: Readonly<Record<string, Definition>> = {
  ...callTargets('v1'),
  ...callTargets('v2'),
};

function callTargets(sdk: 'v1' | 'v2'): Record<string, Definition> {
  const on = `tools/call, SDK ${sdk}`;
  const json = `calls.${sdk}.json`;
  const sse = `calls.${sdk}.sse`;
  return {
    [`${json}.cpu`]: {
      text: `${on}, JSON answer: client CPU as a share of undici.fetch's`,
      bound: 'at most',
      limit: { 20: 0.4, 24: 0.48 },
      figure: (series) => findRow(series, `${json}.cpu`, 'mcp-tls')?.ratio.median,
    },
    [`${sse}.cpu`]: {
      text: `${on}, SSE answer: client CPU as a share of undici.fetch's`,
      bound: 'at most',
      limit: { 20: 0.55, 24: 0.5 },
      figure: (series) => findRow(series, `${sse}.cpu`, 'mcp-tls')?.ratio.median,
    },
    [`${json}.floor`]: {
      text: `${on}, JSON answer: client CPU as a multiple of the floor`,
      bound: 'at most',
      limit: { 20: 1.6, 24: 1.9 },
      figure: (series) => quotient(series, `${json}.cpu`, 'mcp-tls', 'floor'),
    },
    [`${json}.latency`]: {
      text: `${on}, JSON answer: sequential latency as a share of undici.fetch's`,
      bound: 'at most',
      limit: { 20: 0.65, 24: 0.75 },
      figure: (series) => findRow(series, `${json}.latency`, 'mcp-tls')?.ratio.median,
    },
  };
}

/** Of two contenders, neither of which is the base of the series. */
function quotient(
  series: readonly Series[],
  id: string,
  contender: string,
  to: string,
): number | undefined {
  const one = findRow(series, id, contender)?.ratio.median;
  const other = findRow(series, id, to)?.ratio.median;
  return one === undefined || other === undefined ? undefined : one / other;
}
