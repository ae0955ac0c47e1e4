import { invalidArgument } from '../assert.js';
import {
  signal as abortSignal,
  count,
  type Declaration,
  declareOptions,
  type Fields,
  list,
  ms,
  oneOf,
  readOptions,
} from '../options.js';
import type { BatteryCheck } from './battery/battery-check.js';
import { BATTERY_CHECKS } from './battery/battery-checks.js';
import {
  type MakeBatteryClient,
  POLICY_FIELDS,
  type PolicyField,
} from './battery/battery-policy.js';
import { type BatteryReport, type BatteryResult, makeReport } from './battery/battery-report.js';
import { runCheck } from './battery/run-check.js';

/** Options of {@link pinningBattery}. */
export interface PinningBatteryOptions {
  /** Only the checks with these ids. Default: all. */
  include?: readonly string[];
  /** Not the checks with these ids. */
  exclude?: readonly string[];
  /**
   * Policy fields that the client under test understands. Checks that need others are reported as
   * pending, neither passed nor failed. Default: all of them.
   */
  supports?: readonly PolicyField[];
  /** Limit for each check. Default: 4000 ms. A client that hangs has failed. */
  timeoutMs?: number;
  /** How many checks run at once. Default: 8. */
  concurrency?: number;
  /** Ends the battery: no further check begins, and it rejects with the reason once those that run are over. */
  signal?: AbortSignal | undefined;
}

/** Options of `definePinningTests`: what runs at once, and when it stops, is up to the test runner. */
export type DefinePinningTestsOptions = Omit<PinningBatteryOptions, 'concurrency' | 'signal'>;

/**
 * Puts a client through attacks that it must refuse without having sent one byte, and through
 * exchanges that must work, each against servers of its own on the loopback address.
 *
 * Nothing leaves this machine. For the few checks that are about it, NODE_TLS_REJECT_UNAUTHORIZED or
 * the default roots of the process are changed and put back; no other check runs meanwhile, but
 * other code of the process should not open connections then.
 *
 * @param makeClient makes a fetch-like client for one policy; its `close()`, if any, is called
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`; never because a check fails
 * @example
 * const report = await pinningBattery(({ url, ...trust }) => myPinnedFetch(url, trust));
 * console.log(formatReport(report));
 * process.exitCode = report.passed ? 0 : 1;
 */
export async function pinningBattery(
  makeClient: MakeBatteryClient,
  options: PinningBatteryOptions = {},
): Promise<BatteryReport> {
  const { checks, concurrency, supports, timeoutMs, signal } = readBatteryOptions(
    makeClient,
    options,
  );
  signal?.throwIfAborted();
  const begin = performance.now();
  const results = new Map<BatteryCheck, BatteryResult>();
  const work = async (queue: BatteryCheck[]): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      if (signal?.aborted) return;
      results.set(check, await runCheck(check, makeClient, { supports, timeoutMs }));
    }
  };
  // What must work comes first: making RSA keys takes longest, and the rest runs beside it.
  const together = [
    ...checks.filter(({ alone, expected }) => !alone && expected === 'works'),
    ...checks.filter(({ alone, expected }) => !alone && expected === 'refused'),
  ];
  await Promise.all(Array.from({ length: concurrency }, () => work(together)));
  await work(checks.filter(({ alone }) => alone));
  signal?.throwIfAborted();
  const ordered = checks.flatMap((check) => results.get(check) ?? []);
  return makeReport(ordered, performance.now() - begin);
}

/** What is to be checked, after validation. */
interface SelectedChecks {
  readonly checks: readonly BatteryCheck[];
  readonly supports: readonly PolicyField[];
  readonly timeoutMs: number;
}

interface CheckedBatteryOptions extends SelectedChecks {
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
}

// A misspelt id would silently check nothing.
const CHECK_ID = oneOf(...BATTERY_CHECKS.map(({ id }) => id));

const FIELDS: Fields<DefinePinningTestsOptions> = {
  include: list(CHECK_ID),
  exclude: list(CHECK_ID),
  supports: list(oneOf(...POLICY_FIELDS)),
  // Without a limit, a client may hang.
  timeoutMs: ms({ min: 1 }),
};

const BATTERY: Declaration<PinningBatteryOptions> = declareOptions<PinningBatteryOptions>(
  'pinningBattery: options',
  { ...FIELDS, concurrency: count(1), signal: abortSignal() },
);

const TESTS: Declaration<DefinePinningTestsOptions> = declareOptions<DefinePinningTestsOptions>(
  'definePinningTests: options',
  FIELDS,
  {
    elsewhere: {
      concurrency: 'it is up to the test runner',
      signal: 'it is up to the test runner',
    },
  },
);

/** The options of {@link pinningBattery}. @throws `MCP_TLS_INVALID_ARGUMENT` */
function readBatteryOptions(
  makeClient: MakeBatteryClient,
  options: PinningBatteryOptions,
): CheckedBatteryOptions {
  const { concurrency = 8, signal, ...rest } = readOptions(BATTERY, options);
  return { ...selectChecks(makeClient, rest), concurrency, signal };
}

/** Those of `definePinningTests`. @throws `MCP_TLS_INVALID_ARGUMENT` */
export function readTestsOptions(
  makeClient: MakeBatteryClient,
  options: DefinePinningTestsOptions,
): SelectedChecks {
  return selectChecks(makeClient, readOptions(TESTS, options));
}

function selectChecks(
  makeClient: MakeBatteryClient,
  { exclude = [], include, supports = POLICY_FIELDS, timeoutMs = 4000 }: DefinePinningTestsOptions,
): SelectedChecks {
  if (typeof makeClient !== 'function') invalidArgument('makeClient must be a function');
  const checks = BATTERY_CHECKS.filter(
    ({ id }) => (include?.includes(id) ?? true) && !exclude.includes(id),
  );
  return { checks, supports, timeoutMs };
}
