/**
 * Puts our client and other ones through the pinning battery, on Node.js 20 and 24, and writes
 * docs/pinning-comparison.md.
 *
 *   tsx scripts/compare-pinning.ts [Node.js lines]
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Contender } from '../test/comparison/contender.js';
import { CONTENDERS } from '../test/comparison/contenders.js';
import { type ComparedRun, formatComparison } from '../test/comparison/format-comparison.js';
import type { ContenderRun } from '../test/comparison/run-contender.js';
import { tally } from '../test/comparison/tally.js';
import { type NodeLine, nodeLines } from './node-lines.js';
import { type Cell, printTable } from './table.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const DOCUMENT = join(ROOT, 'docs/pinning-comparison.md');

const wanted = process.argv.slice(2).map(Number);
const lines = await nodeLines(wanted.length > 0 ? wanted : [20, 24]);
const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-comparison-'));
const runs: ComparedRun[] = [];
// One after the other: each check has a time limit.
for (const contender of CONTENDERS) {
  for (const line of lines) runs.push(await compare(contender, line));
}
await rm(folder, { recursive: true });

const names = [...new Set(CONTENDERS.flatMap(({ packages }) => packages))];
const packages: Record<string, string> = {};
for (const name of names) packages[name] = await versionOf(name);
const nodeVersions = lines.map(({ version }) => version);
const date = new Date().toISOString().slice(0, 10);
await mkdir(join(ROOT, 'docs'), { recursive: true });
await writeFile(DOCUMENT, formatComparison({ date, nodeVersions, packages, runs }));
printTable(
  ['client', 'Node', 'refused', 'read', 'connected', 'undecided', 'bytes', 'works', 'not', '-'],
  runs.map(toRow),
);
console.log(`\n${runs.length} runs; written to docs/pinning-comparison.md`);
const own = runs.filter(({ contender }) => contender.id === 'mcp-tls');
process.exitCode = own.every(({ report }) => report.passed) ? 0 : 1;

/** In a process of its own: agents, default roots and what a library does to globals are its own. */
async function compare(contender: Contender, { binary, line }: NodeLine): Promise<ComparedRun> {
  const file = join(folder, `${contender.id}-${line}.json`);
  const program = join(ROOT, 'test/comparison/run-contender.ts');
  await run(binary, ['--import', 'tsx', program, contender.id, file], {
    cwd: ROOT,
    env: neutralEnvironment(),
    timeout: 300_000,
  });
  const { report, uncaught } = JSON.parse(await readFile(file, 'utf8')) as ContenderRun;
  return { contender, line, report, uncaught };
}

/** Without what would lead some of the clients elsewhere, or change what they trust. */
function neutralEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^((https?|all|no)_proxy|NODE_(TLS|EXTRA|USE)_.*|NODE_OPTIONS|SSL_CERT_.*)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

async function versionOf(name: string): Promise<string> {
  const manifest =
    name === 'mcp-tls'
      ? join(ROOT, 'package.json')
      : join(ROOT, 'node_modules', name, 'package.json');
  return JSON.parse(await readFile(manifest, 'utf8')).version;
}

function toRow({ contender, line, report }: ComparedRun): Cell[] {
  const sum = tally(report);
  const figures = [
    sum.refused,
    sum.readOrAnswered.length,
    sum.onlyConnected.length,
    sum.undecided.length,
    sum.bytes,
    sum.works,
    sum.doesNotWork.length,
    sum.cannotExpress.length + sum.notHere.length,
  ];
  return [contender.name, String(line), ...figures.map(String)];
}
