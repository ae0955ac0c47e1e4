/**
 * Runs the integration tests over what others have installed: each supported Node.js line and major of undici,
 * older versions of the MCP SDK v1 (the SDK v2 is in all rows), keyv 6. Deno and Bun have to be refused.
 *
 *   npm run test:matrix                      everything: an hour and more
 *   npm run test:matrix -- 22 24             the rows of these Node.js lines
 *   npm run test:matrix -- --rows sdk,keyv   of these kinds: node, sdk, keyv, runtimes
 *   npm run test:matrix -- --ci              what .ci/run has time for
 *
 * Which Node.js stands for a line is pinned in scripts/node-lines.ts.
 */
import { parseArgs } from 'node:util';
import { otherRuntimes } from './matrix/other-runtimes.js';
import { allRows, type Row, rowsOfCi } from './matrix/rows.js';
import { type Cell, printTable } from './table.js';
import { runVitest } from './vitest-run.js';

const LINES = [20, 22, 24, 26];
const KINDS = ['node', 'sdk', 'keyv', 'runtimes'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ci: { type: 'boolean' }, rows: { type: 'string', default: KINDS.join(',') } },
});
const kinds = values.rows.split(',');
const unknown = kinds.find((kind) => !KINDS.includes(kind));
if (unknown !== undefined) throw new Error(`--rows: ${unknown} is none of ${KINDS.join(', ')}`);

const cells: Cell[][] = [];
const sum = { passed: 0, failed: 0, skipped: 0 };
const lines = positionals.length > 0 ? positionals.map(Number) : LINES;
const rows = values.ci ? await rowsOfCi() : await allRows(lines);
// One after the other: the tests have time limits, and two runs at once would share the cores.
for (const row of rows.filter((row) => kinds.includes(kindOf(row)))) cells.push(await runRow(row));
// They are downloaded, and nothing of them changes with a commit of ours but what we refuse.
if (kinds.includes('runtimes') && !values.ci) {
  for (const { name, refused, wrong } of await otherRuntimes()) {
    for (const line of wrong) console.log(`${name}: ${line}`);
    sum.passed += refused;
    sum.failed += wrong.length;
    const told: Cell = wrong.length > 0 ? 'FAIL' : { text: 'refused', colour: 'green' };
    cells.push([name, '', '', '', '', String(refused), String(wrong.length), '0', '', told]);
  }
}

printTable(
  ['runtime', 'undici', 'SDK v1', 'SDK v2', 'keyv', 'passed', 'failed', 'skipped', 'seconds', ''],
  cells,
);
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 && cells.length > 0 ? 0 : 1;

function kindOf({ sdk, keyv }: Row): string {
  if (sdk !== 'newest') return 'sdk';
  return keyv === '5' ? 'node' : 'keyv';
}

async function runRow(row: Row): Promise<Cell[]> {
  const { runtime, undici, sdk, keyv, tests, env } = row;
  const run = await runVitest(runtime.binary, tests, env);
  const told = run.ok ? linesOnRetries(run.output) : run.output;
  if (told !== '') console.log(`\nNode ${runtime.version}, undici ${undici}, SDK ${sdk}:\n${told}`);
  // A run without a failed test that is not in order either, such as one that found no tests.
  const failed = run.ok ? run.failed : Math.max(run.failed, 1);
  sum.passed += run.passed;
  sum.failed += failed;
  sum.skipped += run.skipped;
  return [
    `Node ${runtime.version}`,
    undici,
    sdk,
    'newest',
    keyv,
    ...[run.passed, failed, run.skipped].map(String),
    run.seconds.toFixed(1),
    run.ok ? { text: 'ok', colour: 'green' } : { text: 'FAIL', colour: 'red' },
  ];
}

/** What scripts/retry-reporter.ts printed. */
function linesOnRetries(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('PASSED ONLY'))
    .join('\n');
}
