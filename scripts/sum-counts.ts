/**
 * Sums what a run of continuous integration left in a folder, and prints it as one line.
 *
 *   tsx scripts/sum-counts.ts FOLDER [failed steps]
 *
 * `*.json` are reports of vitest, `*.log` outputs that end with `N passed, N failed`.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCounts, type TestCounts } from './vitest-run.js';

const [folder = '', failedSteps = '0'] = process.argv.slice(2);
const counts = await Promise.all(
  (await readdir(folder)).map((file) => countsOf(join(folder, file))),
);
const sum = (key: keyof TestCounts) => counts.reduce((total, each) => total + each[key], 0);

// A step can fail without a failed test: the linter, a build.
const failed = Math.max(sum('failed'), Number(failedSteps));
const skipped = sum('skipped');
console.log(
  `${sum('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
);

async function countsOf(file: string): Promise<TestCounts> {
  if (file.endsWith('.json')) return readCounts(file);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const found = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(lines.at(-1) ?? '');
  const [passed = 0, failed = 0, skipped = 0] = (found ?? []).slice(1).map((n) => Number(n ?? 0));
  return { passed, failed, skipped };
}
