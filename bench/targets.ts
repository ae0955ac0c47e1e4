import { CALL_TARGETS, REGISTRY_TARGETS } from './call-targets.js';
import type { Series } from './support/results.js';
import { type Definition, OURS, ratio, value } from './target-definition.js';

/** A promise of the fast path, and the figure that tells whether it is kept. */
export interface Target {
  readonly id: string;
  readonly text: string;
  readonly bound: Definition['bound'];
  readonly limit: number;
  /** `undefined` where the run has no such figure. */
  readonly figure: number | undefined;
}

export function isMet({ bound, figure, limit }: Target): boolean | undefined {
  if (figure === undefined) return undefined;
  return bound === 'at most' ? figure <= limit : figure >= limit;
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
  ...CALL_TARGETS,
  ...REGISTRY_TARGETS,
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
  'raw.at1.undici-dispatch': dispatchTarget(1, 'raw.at1'),
  'raw.undici-dispatch': dispatchTarget(16, 'raw'),
  'raw.at64.undici-dispatch': dispatchTarget(64, 'raw.at64'),
  'downloads.1': {
    text: 'answer of 1 MB, by reader: throughput as a multiple of undici.fetch',
    bound: 'at least',
    limit: 1,
    figure: (series) => ratio(series, 'downloads.1.reader.throughput', OURS),
  },
  'downloads.100': {
    text: 'answer of 100 MB, by reader: throughput as a multiple of undici.fetch',
    bound: 'at least',
    limit: { 20: 1.5, 24: 1.1 },
    figure: (series) => ratio(series, 'downloads.100.reader.throughput', OURS),
  },
  'downloads.flat': {
    text: 'second answer of 400 MB, by reader: growth of RSS, MB',
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
  'connect.ca': connectTarget('{ ca }', 1.18, 'ca-only', 'tls-connect'),
  'connect.pins': connectTarget('{ ca, pins }', 1.2, 'ca-and-pins', 'tls-connect'),
  'connect.crl': connectTarget('{ ca, crl }', 1.2, 'ca-and-crl', 'tls-connect-crl'),
  'connect.own': connectTarget(
    "the server's own certificate",
    1.2,
    'own-certificate',
    'tls-connect-own',
  ),
  'connect.cpu': {
    text: "new connection, { ca, roots: 'default' }: client CPU as a multiple of { ca }",
    bound: 'at most',
    limit: 1.15,
    figure: (series) => ratio(series, 'connect.cpu', 'ca-and-roots', 'ca-only'),
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
    limit: { 20: 3, 24: 3.5 },
    figure: (series) => value(series, 'memory.made.rss', OURS),
  },
  'memory.used': {
    text: 'RSS of an idle server with its context, of 500, KB',
    bound: 'at most',
    limit: { 20: 36, 24: 42 },
    figure: (series) => value(series, 'memory.used.rss', OURS),
  },
  'memory.connected': {
    text: 'RSS of an open connection, of 500, as a multiple of undici',
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

function dispatchTarget(atOnce: number, id: string): Definition {
  return {
    text: `small POST, ${atOnce} at a time: throughput as a share of undici's Agent.dispatch`,
    bound: 'at least',
    limit: 0.95,
    figure: (series) => ratio(series, `${id}.throughput`, OURS, 'undici-dispatch'),
  };
}

function connectTarget(trust: string, limit: number, contender: string, base: string): Definition {
  return {
    text: `new connection, ${trust}: client CPU as a multiple of tls.connect over a context of the same`,
    bound: 'at most',
    limit,
    figure: (series) => ratio(series, 'connect.cpu', contender, base),
  };
}
