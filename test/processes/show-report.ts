import type { HeldReport } from './run-held.js';
import type { Report } from './run-round.js';

/** What is counted apart; the rest is `other`. */
const COLUMNS: readonly { readonly title: string; readonly kinds: RegExp }[] = [
  { title: 'undone', kinds: /REVOCATION UNDONE|REVOKED AND GIVEN OUT/ },
  { title: 'lost', kinds: /LOST|OLD VALUE|FALSE MISS|REGISTERED OVER|TWICE|NOT DONE/ },
  { title: 'older', kinds: /OLDER AFTER NEWER/ },
  { title: 'alarms', kinds: /FALSE ALARM/ },
  { title: 'bytes', kinds: /BYTES OVER/ },
];

const WIDTHS = [24, 8, 10, 7, 7, 20, 8] as const;
const TITLES = ['backend', 'mode', 'operations', 'calls', 'orders', 'processes', 'latest'];

/** Prints the names of the columns. */
export function showHeader(): void {
  console.log('processes: those started (killed/stopped/cut off/server rotated)');
  const rest = [...COLUMNS.map(({ title }) => title), 'other'];
  const row = [...TITLES.map(pad), ...rest.map((title) => title.padStart(6)), ' refused'];
  console.log(row.join(' '));
}

/** Prints what a run found, and the first of the violations. */
export function showReport(name: string, mode: string, report: Report | HeldReport): void {
  const { operations, flows, processes, counts, latest, violations } = report;
  const { kill, stop, cut, rotate } = counts;
  const cells = [
    ...[name, mode, operations, flows, 'orders' in report ? report.orders : ''],
    ...[`${processes} (${kill}/${stop}/${cut}/${rotate})`, `${latest.toFixed(0)} ms`],
  ].map((cell, i) => pad(`${cell}`, i));
  const known = COLUMNS.map(
    ({ kinds }) => violations.filter(({ kind }) => kinds.test(kind)).length,
  );
  const other = violations.length - known.reduce((sum, count) => sum + count, 0);
  const errors = [...report.errors].map(([code, count]) => `${code.split('\n')[0]} ${count}`);
  const numbers = [...known, other].map((count) => `${count}`.padStart(6));
  console.log([...cells, ...numbers, ` ${errors.join(', ')}`].join(' '));
  for (const { kind, text } of violations.slice(0, 10)) console.log(`    ${kind}: ${text}`);
}

const pad = (cell: string, column: number): string => {
  const width = WIDTHS[column] ?? 0;
  return column < 2 ? cell.padEnd(width) : cell.padStart(width);
};
