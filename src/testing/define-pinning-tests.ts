import { invalidArgument } from '../assert.js';
import { BATTERY_THEMES, type BatteryCheck } from './battery/battery-check.js';
import type { BatteryHost } from './battery/battery-host.js';
import type { MakeBatteryClient } from './battery/battery-policy.js';
import { foreseen, runCheck } from './battery/run-check.js';
import { type DefinePinningTestsOptions, readTestsOptions } from './pinning-battery.js';
import { describeGot } from './report-formats/format-text.js';

/** What vitest, jest, mocha and `node:test` call a test; `it` and `test` are the same. */
export interface TestFunction {
  /** `body` looks at its context for a `skip`: vitest and `node:test` pass one, mocha has it on `this`. */
  (name: string, body: (this: unknown, ...context: unknown[]) => Promise<void>): unknown;
  /** Shows a test as skipped. */
  skip(name: string, body: () => void): unknown;
}

/** The two functions of a test runner that are needed. */
export interface TestRunner {
  /** Groups tests under a name. */
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: TestFunction;
}

/**
 * Registers one test for each check of the pinning battery, by theme. Checks that need policy
 * fields which the client does not support, and those whose set-up has no effect in this process (under Jest
 * `process.env` is a copy), are registered as skipped, with the reason in the name.
 *
 * Each test makes its own check when it runs, so that filters and retries of the runner work; with
 * a runner that runs them concurrently, those that change something of the process wait until they
 * are alone. A check that turns out not to be possible only when it is made is skipped from within. Jest cannot do
 * that: there it fails, and says which id to exclude. None of them ever passes.
 *
 * @param subject makes a fetch-like client for one policy; or a host, as for `pinningBattery`
 * @param options as for `pinningBattery`, without `concurrency` and `signal`
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * import { describe, it } from 'vitest'; // or from 'node:test'
 * definePinningTests({ describe, it }, ({ url, ...trust }) => myPinnedFetch(url, trust));
 */
export function definePinningTests(
  runner: TestRunner,
  subject: MakeBatteryClient | BatteryHost,
  options: DefinePinningTestsOptions = {},
): void {
  const { describe, it } = runner ?? {};
  if (typeof describe !== 'function' || typeof it !== 'function' || typeof it.skip !== 'function') {
    invalidArgument('the test runner must be { describe, it }, and it must have it.skip');
  }
  const selected = readTestsOptions(subject, options);
  const { checks, supports } = selected;
  const withLock = makeReadWriteLock();
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
    const without = foreseen(check, supports);
    if (without !== undefined) {
      it.skip(`${title} (${without.got}: ${without.why})`, () => {});
      return;
    }
    // No parameter by name: runners take one for a callback of their own, or for fixtures.
    it(title, async function (this: unknown, ...context: unknown[]) {
      const result = await withLock(check.alone, () => runCheck(check, selected.subject, selected));
      if (result.passed === null) return skip([...context, this], check.id, result.pending ?? '');
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

/** Skips the test that runs. @throws where the runner has no way to */
function skip(context: readonly unknown[], id: string, why: string): void {
  const able = context.find(
    (one) => typeof (one as { skip?: unknown } | undefined)?.skip === 'function',
  ) as { skip(why: string): unknown } | undefined;
  if (able === undefined) {
    throw new Error(`${id} was not made: ${why}\nWhat to do: give exclude: ['${id}'].`);
  }
  able.skip(why);
}

type ReadWriteLock = <T>(alone: boolean, work: () => Promise<T>) => Promise<T>;

/** Lets work run together, except for that which has to be alone. In order of arrival. */
function makeReadWriteLock(): ReadWriteLock {
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
