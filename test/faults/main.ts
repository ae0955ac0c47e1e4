/**
 * Every operation in every trouble, on Node.js 20 and 24: it ends within its limits, with an error of
 * ours or well, and leaves nothing behind.
 *
 *   npm run test:faults [-- LINES] [--operation NAME] [--fault PART]
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { nodeLines } from '../../scripts/node-lines.js';
import { compiledProgram, compilePrograms } from '../support/compile-programs.js';
import { FAULTS } from './faults.js';
import { OPERATIONS } from './operations.js';
import type { Cell } from './run-cell.js';

const { values, positionals } = parseArgs({
  options: { operation: { type: 'string' }, fault: { type: 'string' } },
  allowPositionals: true,
});
const ROOT = join(import.meta.dirname, '../..');
const AT_ONCE = 2;
/** Of one member, for what is left after its last cell. */
const ENDING_MS = 15_000;

const operations = OPERATIONS.filter(({ name }) => (values.operation ?? name) === name);
const faults = FAULTS.map(({ name }) => name).filter((name) => name.includes(values.fault ?? ''));
const lines = await nodeLines(positionals.length > 0 ? positionals.map(Number) : [20, 24]);
await compilePrograms('test/faults', ['member']);
let bad = 0;
for (const { version, binary } of lines) bad += await runLine(version, binary);
process.exitCode = bad === 0 && operations.length * faults.length > 0 ? 0 : 1;

async function runLine(version: string, binary: string): Promise<number> {
  console.log(`\nNode.js ${version}: ${faults.length} faults × ${operations.length} operations`);
  const cells = new Map<string, Map<string, Cell>>();
  const queue = [...operations];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        cells.set(next.name, await runOperation(binary, next.name));
      }
    }),
  );
  const violations: string[] = [];
  for (const fault of faults) {
    console.log(`\n${fault}`);
    for (const { name } of operations) {
      const cell = cells.get(name)?.get(fault);
      console.log(
        `  ${name.padEnd(16)} ${`${cell?.milliseconds ?? '-'}`.padStart(6)} ms  ${cell?.outcome}`,
      );
      for (const one of cell?.violations ?? ['was not run']) {
        violations.push(`${fault} × ${name}: ${one}`);
        console.log(`  ${''.padEnd(16)} VIOLATION: ${one}`);
      }
    }
  }
  const count = faults.length * operations.length;
  console.log(`\nNode.js ${version}: ${count} cells, ${violations.length} violations`);
  for (const one of violations) console.log(`  ${one}`);
  return violations.length;
}

/** Every fault against one operation. A process that ends early is the fault of its last cell. */
async function runOperation(binary: string, operation: string): Promise<Map<string, Cell>> {
  const cells = new Map<string, Cell>();
  for (let left = faults; left.length > 0; left = faults.filter((name) => !cells.has(name))) {
    const ending = await runMember(binary, operation, left, cells);
    if (ending === undefined) continue;
    const struck = left.find((name) => !cells.has(name)) ?? (left.at(-1) as string);
    const seen = cells.get(struck);
    cells.set(struck, {
      fault: struck,
      outcome: seen?.outcome ?? 'ENDED',
      milliseconds: seen?.milliseconds ?? 0,
      violations: [...(seen?.violations ?? []), ending],
    });
  }
  return cells;
}

/** What was wrong with how the process ended. */
async function runMember(
  binary: string,
  operation: string,
  names: readonly string[],
  cells: Map<string, Cell>,
): Promise<string | undefined> {
  const flags = ['--unhandled-rejections=strict', '--max-old-space-size=200'];
  const program = compiledProgram('test/faults', 'member');
  // Few descriptors, so that they can be used up.
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 256; exec "$0" "$@"', binary, ...flags, program, operation, ...names],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (bytes) => {
    errors = (errors + bytes).slice(-4000);
  });
  let stuck = false;
  let timer: NodeJS.Timeout | undefined;
  createInterface(child.stdout).on('line', (line) => {
    const cell = JSON.parse(line) as Cell;
    cells.set(cell.fault, cell);
    if (!names.every((name) => cells.has(name))) return;
    timer = setTimeout(() => {
      stuck = true;
      child.kill('SIGKILL');
    }, ENDING_MS);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (stuck) return `the process does not end by itself within ${ENDING_MS} ms`;
  return code === 0 ? undefined : `ended the process (${code}): ${errors}`;
}
