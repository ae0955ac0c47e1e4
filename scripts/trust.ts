/**
 * Prints the trust matrix (policy x server, test/trust) as it came out on Node.js 20 and 24.
 *
 *   tsx scripts/trust.ts [Node.js lines]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeLines } from './node-lines.js';
import { type Cell, printTable } from './table.js';
import { runVitest } from './vitest-run.js';

interface Outcome {
  readonly policy: string;
  readonly server: string;
  readonly expected: string;
  readonly got: string;
  readonly bytes: number;
  readonly connections: number;
}

const wanted = process.argv.slice(2).map(Number);
const lines = await nodeLines(wanted.length > 0 ? wanted : [20, 24]);
const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-trust-'));
const rows: Cell[][] = [];
let passed = 0;
let failed = 0;

for (const { line, version, binary } of lines) {
  const file = join(folder, `${line}.json`);
  const run = await runVitest(binary, ['--project', 'trust'], { MCP_TLS_TRUST_REPORT: file });
  if (!run.ok) console.log(`\nNode ${version}:\n${run.output}`);
  passed += run.passed;
  failed += run.ok ? run.failed : Math.max(run.failed, 1);
  const outcomes = JSON.parse(await readFile(file, 'utf8')) as Outcome[];
  for (const [i, outcome] of outcomes.entries()) {
    rows[i] ??= [outcome.policy, outcome.server, outcome.expected];
    rows[i]?.push(
      { text: outcome.got, colour: outcome.got === outcome.expected ? 'green' : 'red' },
      `${outcome.bytes} B`,
      String(outcome.connections),
    );
  }
}

await rm(folder, { recursive: true });
const columns = lines.flatMap(({ line }) => [`Node ${line}`, 'seen', 'conn.']);
printTable(['policy', 'server', 'expected', ...columns], rows);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
