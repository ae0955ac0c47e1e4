/**
 * A reporter of vitest that names every test that passed only when it was run again. Continuous integration
 * runs a failed test once more (`retry` in vitest.config.ts): its machine is shared, and one test of ten
 * thousand that waits for a server can be late there. Such a test is not hidden: it is printed, to be mended.
 */
import type { Reporter, TestCase } from 'vitest/node';

export default class RetryReporter implements Reporter {
  readonly #names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#names.push(`${test.module.moduleId}: ${test.fullName}`);
  }

  onTestRunEnd(): void {
    for (const name of this.#names) console.log(`PASSED ONLY WHEN IT WAS RUN AGAIN: ${name}`);
  }
}
