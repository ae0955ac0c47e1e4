import type { Cell, PresentationResult } from './judge-presentation.js';
import type { PolicyCase } from './policies.js';
import { VERIFY_CODES } from './verify-codes.js';

/** What was found, and over what. */
export interface Matrix {
  readonly policies: readonly PolicyCase[];
  readonly results: readonly PresentationResult[];
  readonly seconds: number;
  /** Only then must every code of OpenSSL's have come up. */
  readonly whole: boolean;
}

/** Prints which column is which policy. */
export function printPolicies(policies: readonly PolicyCase[]): void {
  console.log(policies.map(({ name }, i) => `${String(i + 1).padStart(3)}  ${name}`).join('\n'));
  console.log();
}

/** Prints a presentation: `+` trusted, `.` refused, `!` a fault, blank: not asked. */
export function printRow(
  policies: readonly PolicyCase[],
  { name, certificates, cells }: PresentationResult,
): void {
  const row = policies.map((policy) => signOf(cells.find((cell) => cell.policy === policy.name)));
  console.log(`${row.join('')}  ${String(certificates).padStart(3)}  ${name}`);
}

/**
 * Prints the faults and the figures.
 *
 * @returns whether there is no fault
 */
export function printSummary({ policies, results, seconds, whole }: Matrix): boolean {
  const cells = results.flatMap((result) => result.cells);
  const faulty = cells.filter(({ faults }) => faults.length > 0);
  for (const { policy, presentation, faults, openssl } of faulty) {
    console.log(`\n${policy} / ${presentation}  [OpenSSL: ${openssl}]`);
    for (const fault of faults) console.log(`  ${fault}`);
  }
  console.log();
  const missing = printCodes(cells);
  const suggestions = results.reduce((sum, one) => sum + one.suggestions, 0);
  const trusted = cells.filter((cell) => cell.trusted).length;
  console.log(
    `${process.version}: ${policies.length} policies, ${results.length} presentations, ` +
      `${cells.length} cells (${trusted} trusted), ${suggestions} suggestions tried, ` +
      `${faulty.length} cells with a fault, ${seconds.toFixed(0)} s`,
  );
  return faulty.length === 0 && !(whole && missing);
}

function signOf(cell: Cell | undefined): string {
  if (cell === undefined) return ' ';
  return cell.faults.length > 0 ? '!' : cell.trusted ? '+' : '.';
}

/** @returns whether a code is missing that could have come up */
function printCodes(cells: readonly Cell[]): boolean {
  let missing = false;
  for (const [code, why] of Object.entries(VERIFY_CODES)) {
    const count = cells.filter(({ openssl }) => openssl === code).length;
    const text = count > 0 ? `${count} cells` : `not provokable: ${why}`;
    if (count === 0 && why === undefined) missing = true;
    console.log(`${code.padEnd(36)} ${count === 0 && why === undefined ? 'MISSING' : text}`);
  }
  return missing;
}
