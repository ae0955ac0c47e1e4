import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The figures of one run of vitest. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface VitestRun extends TestCounts {
  /** False also when vitest itself failed: a file that does not load, no test found. */
  readonly ok: boolean;
  readonly seconds: number;
  /** What vitest printed, to show when it failed. */
  readonly output: string;
}

const ROOT = join(import.meta.dirname, '..');

/**
 * Runs vitest under `binary`; its workers are forks, which take the same binary.
 *
 * @param root the tree whose tests run
 */
export async function runVitest(
  binary: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  root: string = ROOT,
): Promise<VitestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-vitest-'));
  const report = join(folder, 'report.json');
  const reporters = [
    '--reporter=default',
    `--reporter=${join(ROOT, 'scripts/retry-reporter.ts')}`,
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const started = Date.now();
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const { ok, output } = await run(binary, [vitest, 'run', ...args, ...reporters], env, root);
    const counts = await readCounts(report);
    return {
      ...counts,
      ok: ok && counts.passed > 0,
      seconds: (Date.now() - started) / 1000,
      output,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads the figures of a report of vitest's json reporter; zeros if there is none. */
export async function readCounts(file: string): Promise<TestCounts> {
  let report: Record<string, number>;
  try {
    report = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = report;
  return {
    passed: numPassedTests,
    failed: numFailedTests,
    skipped: numPendingTests + numTodoTests,
  };
}

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}
