import type { BatteryTheme } from './battery-check.js';

/**
 * What came of a check:
 * - `refused`: the client rejected, and not one application byte had left it;
 * - `works`: it answered (for an attack: the attack succeeded);
 * - `leaked`: it rejected, but had sent something before;
 * - `connected`: it sent nothing, but opened a connection under a configuration that it should have
 *   rejected, to the target of a redirect that it should not have followed, or to an origin that only a server named;
 * - `broken`: it rejected or answered wrongly where it should have worked;
 * - `hung`: it neither answered nor rejected in time;
 * - `not made`: what was set up for it had no effect in this process, as under Jest, where `process.env` is a
 *   copy: neither passed nor failed;
 * - `pending`: the check cannot be made with this client, or on this Node.js.
 */
export type BatteryOutcome =
  | 'refused'
  | 'works'
  | 'leaked'
  | 'connected'
  | 'broken'
  | 'hung'
  | 'not made'
  | 'pending';

/** The result of one check. */
export interface BatteryResult {
  readonly id: string;
  readonly name: string;
  readonly theme: BatteryTheme;
  /** Why it matters. */
  readonly why: string;
  readonly expected: 'refused' | 'works';
  readonly got: BatteryOutcome;
  /** `null` when it is pending or was not made: neither passed nor failed. */
  readonly passed: boolean | null;
  /** Bytes of requests that somebody read who should not have. 0 for what must work. */
  readonly applicationBytesLeaked: number;
  /** What to do if the client fails. */
  readonly advice: string;
  /** What the client rejected with, or what was wrong. Key material is cut out. */
  readonly error?: string;
  /** Why the check was not made, or could not be. */
  readonly pending?: string;
  readonly durationMs: number;
}

/** How many checks of one kind came out how. */
export interface BatteryCount {
  readonly passed: number;
  readonly failed: number;
  readonly pending: number;
  readonly notMade: number;
}

/** The report of a battery. Plain data, free of key material. */
export interface BatteryReport {
  /** Whether no check failed. */
  readonly passed: boolean;
  /** `process.version` */
  readonly node: string;
  readonly durationMs: number;
  readonly attacks: BatteryCount;
  readonly works: BatteryCount;
  /** In the order of their definition, not that in which they ran. */
  readonly results: readonly BatteryResult[];
}

export function makeReport(results: readonly BatteryResult[], durationMs: number): BatteryReport {
  const count = (expected: 'refused' | 'works'): BatteryCount => {
    const these = results.filter((result) => result.expected === expected);
    const having = (passed: boolean): number =>
      these.filter((result) => result.passed === passed).length;
    const being = (outcome: BatteryOutcome): number =>
      these.filter(({ got }) => got === outcome).length;
    return {
      passed: having(true),
      failed: having(false),
      pending: being('pending'),
      notMade: being('not made'),
    };
  };
  return {
    passed: results.every(({ passed }) => passed !== false),
    node: process.version,
    durationMs: Math.round(durationMs),
    attacks: count('refused'),
    works: count('works'),
    results,
  };
}
