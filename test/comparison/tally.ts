import type { BatteryReport, BatteryResult } from '../../src/testing/index.js';

/** What came of a report, in the words of the comparison. Lists hold the ids of checks. */
export interface Tally {
  /** Attacks. */
  readonly refused: number;
  readonly readOrAnswered: readonly string[];
  readonly onlyConnected: readonly string[];
  readonly undecided: readonly string[];
  readonly bytes: number;
  /** What must work. */
  readonly works: number;
  readonly doesNotWork: readonly string[];
  /** Both. */
  readonly cannotExpress: readonly string[];
  readonly notHere: readonly string[];
}

export function tally({ results }: BatteryReport): Tally {
  const ids = (want: (result: BatteryResult) => boolean): string[] =>
    results.filter(want).map(({ id }) => id);
  const attack = ({ expected }: BatteryResult): boolean => expected === 'refused';
  const readOrAnswered = (result: BatteryResult): boolean =>
    attack(result) && (result.got === 'works' || result.got === 'leaked');
  const onlyConnected = (result: BatteryResult): boolean =>
    attack(result) && result.got === 'connected';
  return {
    refused: ids((result) => attack(result) && result.passed === true).length,
    readOrAnswered: ids(readOrAnswered),
    onlyConnected: ids(onlyConnected),
    undecided: ids(
      (result) =>
        attack(result) &&
        result.passed === false &&
        !readOrAnswered(result) &&
        !onlyConnected(result),
    ),
    bytes: results.reduce((sum, { applicationBytesLeaked }) => sum + applicationBytesLeaked, 0),
    works: ids((result) => !attack(result) && result.passed === true).length,
    doesNotWork: ids((result) => !attack(result) && result.passed === false),
    cannotExpress: ids((result) => result.passed === null && isLackOfFields(result)),
    notHere: ids((result) => result.passed === null && !isLackOfFields(result)),
  };
}

/** Whether a pending check is about the client, and not about this Node.js. */
export function isLackOfFields({ pending = '' }: BatteryResult): boolean {
  return pending.startsWith('the client does not support');
}
