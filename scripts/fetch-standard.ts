/**
 * Holds our fetch to undici's (test/fetch-standard) on Node.js 20, 22, 24 and 26.
 *
 *   tsx scripts/fetch-standard.ts [Node.js lines]
 */
import { nodeLines } from './node-lines.js';
import { printTable } from './table.js';
import { runVitest } from './vitest-run.js';

const wanted = process.argv.slice(2).map(Number);
const lines = await nodeLines(wanted.length > 0 ? wanted : [20, 22, 24, 26]);
const rows: string[][] = [];
let ok = true;

for (const { version, binary } of lines) {
  const run = await runVitest(binary, ['--project', 'fetch-standard'], {});
  if (!run.ok) console.log(`\nNode ${version}:\n${run.output}`);
  ok &&= run.ok;
  rows.push([version, String(run.passed), String(run.failed)]);
}

printTable(['Node.js', 'passed', 'failed'], rows);
process.exitCode = ok ? 0 : 1;
