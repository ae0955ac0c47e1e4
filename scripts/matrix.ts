/**
 * Runs the integration tests on every supported Node.js line and undici major.
 *
 *   tsx scripts/matrix.ts [Node.js lines, such as 22 24]
 */
import { nodeLines } from './node-lines.js';
import { type Cell, printTable } from './table.js';
import { runVitest, type VitestRun } from './vitest-run.js';

const LINES = [20, 22, 24, 26];
const PROJECTS = ['integration', 'slow', 'trust', 'unit'];

const wanted = process.argv.slice(2).map(Number);
const lines = await nodeLines(wanted.length > 0 ? wanted : LINES);
const rows: Cell[][] = [];
let passed = 0;
let failed = 0;
let skipped = 0;

// One after the other: the tests have time limits, and two runs at once would share the cores.
for (const { line, version, binary } of lines) {
  // undici 8 does not load on Node.js 20.
  for (const undici of line >= 22 ? [7, 8] : [7]) {
    const projects = PROJECTS.flatMap((project) => ['--project', project]);
    // A test compares these with what it runs on.
    const env = { MCP_TLS_NODE: version, MCP_TLS_UNDICI: String(undici) };
    const run = await runVitest(binary, projects, env);
    const told = run.ok ? linesOnRetries(run.output) : run.output;
    if (told !== '') console.log(`\nNode ${version}, undici ${undici}:\n${told}`);
    rows.push(row(version, undici, run));
    passed += run.passed;
    // A run without a failed test that is not in order either, such as one that found no tests.
    failed += run.ok ? run.failed : Math.max(run.failed, 1);
    skipped += run.skipped;
  }
}

printTable(['Node', 'undici', 'passed', 'failed', 'skipped', 'seconds', ''], rows);
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** What scripts/retry-reporter.ts printed. */
function linesOnRetries(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('PASSED ONLY'))
    .join('\n');
}

function row(version: string, undici: number, run: VitestRun): Cell[] {
  const figures = [run.passed, run.failed, run.skipped].map(String);
  return [
    version,
    String(undici),
    ...figures,
    run.seconds.toFixed(1),
    run.ok ? { text: 'ok', colour: 'green' } : { text: 'FAIL', colour: 'red' },
  ];
}
