import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Summary, summarise } from './statistics.js';

const ROOT = join(import.meta.dirname, '../..');

/** One figure of every contender, in one run. */
export interface Series {
  /** Part and figure, such as `calls.v1.json.cpu`. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** The contenders that ratios are to, the main one first. */
  readonly bases: readonly string[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly contender: string;
  readonly value: Summary;
  /** To each base, made in each round and then summarised. */
  readonly ratios: Readonly<Record<string, Summary>>;
}

/** What `npm run bench` writes for one Node.js line. */
export interface Results {
  readonly node: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number };
  readonly packages: Readonly<Record<string, string>>;
  readonly parts: Readonly<Record<string, PartResults>>;
}

export interface PartResults {
  readonly date: string;
  readonly series: readonly Series[];
}

type Head = Omit<Series, 'rows'>;

/** Makes a series of the rounds of its contenders, which must have run as many each. */
export function makeSeries(head: Head, rounds: ReadonlyMap<string, readonly number[]>): Series {
  const bases = head.bases.map((id) => ({ id, values: rounds.get(id) ?? [] }));
  const rows = [...rounds].map(([contender, values]) => ({
    contender,
    value: summarise(values),
    ratios: Object.fromEntries(bases.map((base) => [base.id, ratioOf(values, base.values)])),
  }));
  return { ...head, rows };
}

function ratioOf(values: readonly number[], base: readonly number[]): Summary {
  return summarise(
    values.map((value, round) => {
      const to = base[round];
      if (to === undefined) throw new Error('the base did not run in every round');
      return value / to;
    }),
  );
}

export function findRow(series: readonly Series[], id: string, contender: string): Row | undefined {
  return series.find((one) => one.id === id)?.rows.find((row) => row.contender === contender);
}

export function allSeries(results: Results): readonly Series[] {
  return Object.values(results.parts).flatMap(({ series }) => series);
}

/** Where the results of a Node.js line are kept. */
export function resultsFile(line: number): string {
  return join(ROOT, `bench/results/${line}.json`);
}

/** The results of earlier runs of that line. */
export async function readResults(line: number): Promise<Results | undefined> {
  try {
    return JSON.parse(await readFile(resultsFile(line), 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The machine, without its name. */
export function describeMachine(): Results['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
  };
}

const PACKAGES = [
  '@modelcontextprotocol/client',
  '@modelcontextprotocol/sdk',
  'axios',
  'got',
  'node-fetch',
  'undici',
];

export async function packageVersions(): Promise<Results['packages']> {
  const versions: Record<string, string> = {};
  for (const name of PACKAGES) {
    const manifest = join(ROOT, 'node_modules', name, 'package.json');
    versions[name] = JSON.parse(await readFile(manifest, 'utf8')).version;
  }
  return versions;
}
