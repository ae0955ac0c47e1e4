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

const OURS = 'mcp-tls';

const DEFINITIONS: Readonly<Record<string, Definition>> = {
  ...callTargets('v1'),
  ...callTargets('v2'),
  'raw.undici-fetch': {
    text: 'small POST, 16 at a time: throughput as a multiple of undici.fetch',
    bound: 'at least',
    limit: { 20: 3.5, 24: 2 },
    figure: (series) => ratio(series, 'raw.throughput', OURS),
  },
  'raw.undici-request': {
    text: 'small POST, 16 at a time: throughput as a share of undici.request',
    bound: 'at least',
    limit: 0.6,
    figure: (series) => ratio(series, 'raw.throughput', OURS, 'undici-request'),
  },
  'downloads.1': {
    text: 'answer of 1 MB, by reader: throughput as a multiple of undici.fetch',
    bound: 'at least',
    limit: 1,
    figure: (series) => ratio(series, 'downloads.1.reader.throughput', OURS),
  },
  'downloads.100': {
    text: 'answer of 100 MB, by reader: throughput as a multiple of undici.fetch',
    bound: 'at least',
    limit: 1,
    figure: (series) => ratio(series, 'downloads.100.reader.throughput', OURS),
  },
  'downloads.flat': {
    text: 'answer of 400 MB, by reader: growth of RSS, MB',
    bound: 'at most',
    limit: 32,
    figure: (series) => value(series, 'downloads.400.reader.memory', OURS),
  },
  'factory.time': {
    text: 'a client for a known server, µs',
    bound: 'at most',
    limit: 10,
    figure: (series) => value(series, 'factory.time', OURS),
  },
  'factory.connections': {
    text: 'connections opened by making clients',
    bound: 'at most',
    limit: 0,
    figure: (series) => value(series, 'factory.connections', OURS),
  },
  'factory.handshakes': {
    text: 'handshakes of 1000 calls over 1000 clients',
    bound: 'at most',
    limit: 1,
    figure: (series) => value(series, 'factory.handshakes', OURS),
  },
  'connect.cpu': {
    text: "new connection, { ca, roots: 'default' }: client CPU as a multiple of { ca }",
    bound: 'at most',
    limit: 1.15,
    figure: (series) => ratio(series, 'connect.cpu', 'ca-and-roots'),
  },
  'connect.first': {
    text: 'the same, over a new factory each',
    bound: 'at most',
    limit: 1.15,
    figure: (series) => ratio(series, 'connect.first', 'ca-and-roots'),
  },
  'memory.made': {
    text: 'RSS of a server registered, of 10,000, KB',
    bound: 'at most',
    limit: 4,
    figure: (series) => value(series, 'memory.made.rss', OURS),
  },
  'memory.used': {
    text: 'RSS of an idle server with its context, of 1,000, KB',
    bound: 'at most',
    limit: 30,
    figure: (series) => value(series, 'memory.used.rss', OURS),
  },
  'memory.connected': {
    text: 'RSS of an open connection, of 1,000, as a multiple of undici',
    bound: 'at most',
    limit: 1.1,
    figure: (series) => ratio(series, 'memory.connected.rss', OURS),
  },
  'start.time': {
    text: 'a process that imports mcp-tls/core, as a multiple of one that imports undici',
    bound: 'at most',
    limit: 1.1,
    figure: (series) => ratio(series, 'start.time', 'mcp-tls/core'),
  },
  'start.globals': {
    text: 'globals changed by import and use of mcp-tls/core',
    bound: 'at most',
    limit: 0,
    figure: (series) => value(series, 'start.globals', 'mcp-tls/core'),
  },
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
      figure: (series) => ratio(series, `${json}.cpu`, OURS),
    },
    [`${sse}.cpu`]: {
      text: `${on}, SSE answer: client CPU as a share of undici.fetch's`,
      bound: 'at most',
      limit: { 20: 0.55, 24: 0.5 },
      figure: (series) => ratio(series, `${sse}.cpu`, OURS),
    },
    [`${json}.floor`]: {
      text: `${on}, JSON answer: client CPU as a multiple of the floor`,
      bound: 'at most',
      limit: { 20: 1.6, 24: 1.9 },
      figure: (series) => ratio(series, `${json}.cpu`, OURS, 'floor'),
    },
    [`${json}.latency`]: {
      text: `${on}, JSON answer: sequential latency as a share of undici.fetch's`,
      bound: 'at most',
      limit: { 20: 0.65, 24: 0.75 },
      figure: (series) => ratio(series, `${json}.latency`, OURS),
    },
  };
}

function value(series: readonly Series[], id: string, contender: string): number | undefined {
  return findRow(series, id, contender)?.value.median;
}

/** To a base of the series: the main one, unless told. */
function ratio(
  series: readonly Series[],
  id: string,
  contender: string,
  base = series.find((one) => one.id === id)?.bases[0] ?? '',
): number | undefined {
  return findRow(series, id, contender)?.ratios[base]?.median;
}
