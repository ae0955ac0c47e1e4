import { invalidArgument } from '../assert.js';
import { BATTERY_THEMES, type BatteryCheck } from './battery/battery-check.js';
import type { MakeBatteryClient } from './battery/battery-policy.js';
import { missingFields, runCheck } from './battery/run-check.js';
import { type DefinePinningTestsOptions, readTestsOptions } from './pinning-battery.js';
import { describeGot } from './report-formats/format-text.js';

/** What vitest, jest, mocha and `node:test` call a test; `it` and `test` are the same. */
export interface TestFunction {
  (name: string, body: () => Promise<void>): unknown;
  skip(name: string, body: () => void): unknown;
}

/** The two functions of a test runner that are needed. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: TestFunction;
}

/**
 * Registers one test for each check of the pinning battery, by theme. Checks that need policy
 * fields which the client does not support are registered as skipped, with the reason in the name.
 *
 * Each test makes its own check when it runs, so that filters and retries of the runner work; with
 * a runner that runs them concurrently, those that change something of the process wait until they
 * are alone. A check that turns out not to be possible on this machine passes with a warning
 * (`process.emitWarning`), as runners have no common way of skipping from within.
 *
 * @param makeClient makes a fetch-like client for one policy
 * @param options as for `pinningBattery`, without `concurrency` and `signal`
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * import { describe, it } from 'vitest'; // or from 'node:test'
 * definePinningTests({ describe, it }, ({ url, ...trust }) => myPinnedFetch(url, trust));
 */
export function definePinningTests(
  runner: TestRunner,
  makeClient: MakeBatteryClient,
  options: DefinePinningTestsOptions = {},
): void {
  const { describe, it } = runner ?? {};
  if (typeof describe !== 'function' || typeof it !== 'function' || typeof it.skip !== 'function') {
    invalidArgument('the test runner must be { describe, it }, and it must have it.skip');
  }
  const { checks, supports, timeoutMs } = readTestsOptions(makeClient, options);
  const takeTurn = makeTurns();
  describe('pinning battery', () => {
    for (const theme of BATTERY_THEMES) {
      const these = checks.filter((check) => check.theme === theme);
      if (these.length === 0) continue;
      describe(theme, () => {
        for (const check of these) define(check);
      });
    }
  });

  function define(check: BatteryCheck): void {
    const title = `${check.id}: ${check.name}`;
    const missing = missingFields(check, supports);
    if (missing !== undefined) {
      it.skip(`${title} (pending: ${missing})`, () => {});
      return;
    }
    it(title, async () => {
      const result = await takeTurn(check.alone, () =>
        runCheck(check, makeClient, { supports, timeoutMs }),
      );
      if (result.passed === null) process.emitWarning(`${title} was not made: ${result.pending}`);
      if (result.passed === false) {
        throw new Error(
          [
            `${check.name}: expected ${check.expected}, got ${describeGot(result.got, result)}`,
            check.why,
            `What to do: ${check.advice}`,
          ].join('\n'),
        );
      }
    });
  }
}

type Turn = <T>(alone: boolean, work: () => Promise<T>) => Promise<T>;

/** Lets work run together, except for that which has to be alone. In order of arrival. */
function makeTurns(): Turn {
  let lastAlone: Promise<unknown> = Promise.resolve();
  let running: Promise<unknown>[] = [];
  return (alone, work) => {
    const before = alone ? Promise.all([lastAlone, ...running]) : lastAlone;
    const done = before.then(work);
    const settled = done.catch(() => {});
    if (alone) {
      lastAlone = settled;
      running = [];
    } else {
      running.push(settled);
    }
    return done;
  };
}
