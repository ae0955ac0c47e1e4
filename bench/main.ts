/**
 * What the fast path costs, beside other ways from Node.js to an MCP server over TLS.
 *
 *   npm run bench                            all parts, on this Node.js and on Node.js 24
 *   npm run bench -- --quick                 shows that it works, on this Node.js; the figures are rough
 *   npm run bench -- --only calls,raw        some parts; the results of the others stay
 *   npm run bench -- --node 20 --node 22     these lines
 *   npm run bench -- --rounds 30             instead of each part's own number
 *
 * Writes bench/results/LINE.json, unless it is a quick run. Succeeds if everything ran, whatever the
 * figures are.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type NodeLine, nodeLines } from '../scripts/node-lines.js';
import { PARTS } from './parts.js';
import { compile } from './support/compile.js';
import type { PartOptions } from './support/part.js';
import { printSeries, printTargets } from './support/print.js';
import {
  allSeries,
  describeMachine,
  type PartResults,
  packageVersions,
  type Results,
  readResults,
  resultsFile,
} from './support/results.js';
import { targetsOf } from './targets.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    node: { type: 'string', multiple: true },
    rounds: { type: 'string' },
  },
});
const wanted = values.only?.split(',') ?? [...PARTS.keys()];
const unknown = wanted.filter((name) => !PARTS.has(name));
if (unknown.length > 0) throw new Error(`no part ${unknown}; there are ${[...PARTS.keys()]}`);
const ownLine = Number(process.versions.node.split('.')[0]);
const defaultLines = values.quick ? [ownLine] : [ownLine, 24];
const lines = await nodeLines([...new Set(values.node?.map(Number) ?? defaultLines)]);

await compile();
for (const line of lines) await benchLine(line);

async function benchLine({ binary, line, version }: NodeLine): Promise<void> {
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const parts = await runParts({ binary, quick: values.quick, rounds });
  // Parts that did not run this time keep what they had.
  const before = values.quick ? undefined : await readResults(line);
  const results: Results = {
    node: version,
    machine: describeMachine(),
    packages: await packageVersions(),
    parts: { ...before?.parts, ...parts },
  };
  console.log(`\nTargets, Node.js ${version}`);
  printTargets(targetsOf(line, allSeries({ ...results, parts })));
  if (values.quick) return;
  await mkdir(dirname(resultsFile(line)), { recursive: true });
  await writeFile(resultsFile(line), `${JSON.stringify(results, null, 2)}\n`);
}

async function runParts(options: PartOptions): Promise<Record<string, PartResults>> {
  const done: Record<string, PartResults> = {};
  for (const [name, run] of PARTS) {
    if (!wanted.includes(name)) continue;
    console.log(`\n${name} ...`);
    const started = performance.now();
    try {
      const series = await run(options);
      for (const one of series) printSeries(one);
      done[name] = { date: new Date().toISOString().slice(0, 10), series };
    } catch (error) {
      // One part's failure is no reason to lose the others.
      console.error(`\n${name} failed:`, error);
      process.exitCode = 1;
    }
    console.log(`\n${name}: ${Math.round((performance.now() - started) / 1_000)} s`);
  }
  return done;
}
