import { invalidArgument } from '../assert.js';
import {
  signal as abortSignal,
  count,
  type Declaration,
  declareOptions,
  type Fields,
  func,
  list,
  ms,
  oneOf,
  readOptions,
  required,
} from '../options.js';
import type { BatteryCheck, SubjectKind } from './battery/battery-check.js';
import { BATTERY_CHECKS } from './battery/battery-checks.js';
import { type BatteryHost, type BatterySubject, hostAsSubject } from './battery/battery-host.js';
import {
  type MakeBatteryClient,
  POLICY_FIELDS,
  type PolicyField,
} from './battery/battery-policy.js';
import { type BatteryReport, type BatteryResult, makeReport } from './battery/battery-report.js';
import { runCheck } from './battery/run-check.js';
import { loadMcpApplication } from './load-mcp-application.js';

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
  /** Limit for each check. Default: 4000 ms, 15000 for a host. A client that hangs has failed. */
  timeoutMs?: number;
  /** How many checks run at once. Default: 8. */
  concurrency?: number;
  /** Ends the battery: no further check begins, and it rejects with the reason once those that run are over. */
  signal?: AbortSignal | undefined;
}

/** Options of `definePinningTests`: what runs at once, and when it stops, is up to the test runner. */
export type DefinePinningTestsOptions = Omit<PinningBatteryOptions, 'concurrency' | 'signal'>;

/**
 * Puts a client, or a host that connects to MCP servers by itself, through attacks that it must refuse without
 * having sent one byte, and through exchanges that must work, each against servers of its own on the loopback
 * address. For a host these are real MCP servers (`@modelcontextprotocol/sdk` must be installed), and the checks
 * of single requests are left out: what a host sends past the fetch that it was given shows in the others.
 *
 * Nothing leaves this machine. For the few checks that are about it, NODE_TLS_REJECT_UNAUTHORIZED,
 * the default roots of the process or `dns.lookup` are changed and put back; no other check runs meanwhile, but
 * other code of the process should not open connections then. Whether the change had an effect is looked at
 * first: if it had none, the check comes out as `not made`.
 *
 * @param subject makes a fetch-like client for one policy, whose `close()`, if any, is called; or a host
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`, or `MCP_TLS_UNSUPPORTED_RUNTIME` where the SDK is
 *   missing; never because a check fails
 * @example
 * const report = await pinningBattery(({ url, ...trust }) => myPinnedFetch(url, trust));
 * console.log(formatReport(report));
 * process.exitCode = report.passed ? 0 : 1;
 * @example
 * const host: BatteryHost = { connect: (url, trust) => connectMyHost(url, trust) };
 * console.log(formatReport(await pinningBattery(host)));
 */
export async function pinningBattery(
  subject: MakeBatteryClient | BatteryHost,
  options: PinningBatteryOptions = {},
): Promise<BatteryReport> {
  const { concurrency, signal, ...selected } = readBatteryOptions(subject, options);
  const { checks } = selected;
  signal?.throwIfAborted();
  // Without it, each check of a host would fail for that.
  if (selected.subject.kind === 'host') await loadMcpApplication();
  const begin = performance.now();
  const results = new Map<BatteryCheck, BatteryResult>();
  const work = async (queue: BatteryCheck[]): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      if (signal?.aborted) return;
      results.set(check, await runCheck(check, selected.subject, selected));
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
  readonly subject: BatterySubject;
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
  subject: MakeBatteryClient | BatteryHost,
  options: PinningBatteryOptions,
): CheckedBatteryOptions {
  const { concurrency = 8, signal, ...rest } = readOptions(BATTERY, options);
  return { ...selectChecks(subject, rest), concurrency, signal };
}

/** Those of `definePinningTests`. @throws `MCP_TLS_INVALID_ARGUMENT` */
export function readTestsOptions(
  subject: MakeBatteryClient | BatteryHost,
  options: DefinePinningTestsOptions,
): SelectedChecks {
  return selectChecks(subject, readOptions(TESTS, options));
}

const HOST: Declaration<BatteryHost> = declareOptions<BatteryHost>('host', {
  connect: required(func('a function (url, trust)')),
  transport: oneOf('streamable-http', 'sse'),
});

function selectChecks(
  given: MakeBatteryClient | BatteryHost,
  { exclude = [], include, supports = POLICY_FIELDS, timeoutMs }: DefinePinningTestsOptions,
): SelectedChecks {
  const subject = readSubject(given);
  const foreign = BATTERY_CHECKS.find(
    (check) => include?.includes(check.id) === true && !isFor(check, subject.kind),
  );
  if (foreign !== undefined) {
    invalidArgument(`include: ${foreign.id} is not made with a ${subject.kind}`);
  }
  const checks = BATTERY_CHECKS.filter(
    (check) =>
      isFor(check, subject.kind) &&
      (include?.includes(check.id) ?? true) &&
      !exclude.includes(check.id),
  );
  return { subject, checks, supports, timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS[subject.kind] };
}

// Hosts take several requests for what a fetch does in one, and some try again before they give up.
const DEFAULT_TIMEOUT_MS = { fetch: 4000, host: 15_000 } as const;

function readSubject(given: MakeBatteryClient | BatteryHost): BatterySubject {
  if (typeof given === 'function') return { kind: 'fetch', makeClient: given };
  if (typeof given !== 'object' || given === null) {
    invalidArgument('what is under test must be a function that makes a client, or { connect }');
  }
  const { transport } = readOptions(HOST, given);
  // Called on what was given: a host may be an object with state of its own.
  const connect: BatteryHost['connect'] = (url, trust) => given.connect(url, trust);
  return hostAsSubject({ connect, ...(transport !== undefined && { transport }) });
}

function isFor({ subject }: BatteryCheck, kind: SubjectKind): boolean {
  return subject === 'any' || subject === kind;
}
