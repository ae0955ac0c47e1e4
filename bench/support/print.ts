import { type Cell, printTable } from '../../scripts/table.js';
import { contenderName } from '../contender-names.js';
import { isMet, type Target } from '../targets.js';
import { formatNumber } from './format.js';
import type { Series } from './results.js';

export function printSeries({ title, unit, bases: [base = ''], rows }: Series): void {
  console.log(`\n${title}`);
  printTable(
    ['contender', unit, 'half of the rounds', 'ratio'],
    rows.map(({ contender, value, ratios }) => [
      contenderName(contender),
      formatNumber(value.median),
      `${formatNumber(value.q1)} to ${formatNumber(value.q3)}`,
      ratios[base]?.median.toFixed(2) ?? '',
    ]),
  );
}

export function printTargets(targets: readonly Target[]): void {
  printTable(
    ['target', 'limit', 'figure', 'met'],
    targets
      .filter(({ figure }) => figure !== undefined)
      .map((target): Cell[] => [
        target.text,
        `${target.bound} ${target.limit}`,
        formatNumber(target.figure ?? Number.NaN),
        isMet(target) ? { text: 'yes', colour: 'green' } : { text: 'no', colour: 'red' },
      ]),
  );
}
