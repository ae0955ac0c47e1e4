import { contenderName } from '../contender-names.js';
import { formatNumber } from '../support/format.js';
import { allSeries, findRow, type Results, type Row } from '../support/results.js';
import { isMet, type Target, targetsOf } from '../targets.js';
import { lineOf, markdownTable } from './markdown-table.js';
import { memoryTable, postsTable, settingsTable } from './summary-tables.js';

/**
 * Fills in what stands between `<!-- figures: WHAT -->` and `<!-- end of figures -->`: one of the tables
 * below, or the name of a series. The rest of the text is written by hand.
 */
export function writeFigures(text: string, runs: readonly Results[]): string {
  return text.replace(BLOCK, (_all, what: string) => {
    const figures = GENERATED[what]?.(runs) ?? seriesTable(what, runs);
    return `<!-- figures: ${what} -->\n${figures}\n<!-- end of figures -->`;
  });
}

const BLOCK = /<!-- figures: ([\w.]+) -->\n[\s\S]*?<!-- end of figures -->/g;

const GENERATED: Readonly<Record<string, (runs: readonly Results[]) => string>> = {
  targets: targetsTable,
  machine: machineList,
  settings: settingsTable,
  posts: postsTable,
  memory: memoryTable,
};

function targetsTable(runs: readonly Results[]): string {
  const columns = runs.map((run) => targetsOf(lineOf(run), allSeries(run)));
  const rows = (columns[0] ?? []).map(({ id, text }) => [
    text,
    ...columns.flatMap((targets) => targetCells(targets.find((target) => target.id === id))),
  ]);
  const heads = runs.flatMap((run) => [`Node.js ${lineOf(run)}: target`, 'measured', 'met']);
  return markdownTable(['', ...heads], rows);
}

function targetCells(target: Target | undefined): string[] {
  if (target?.figure === undefined) return ['', 'not measured', ''];
  const sign = target.bound === 'at most' ? '≤' : '≥';
  return [`${sign} ${target.limit}`, formatNumber(target.figure), isMet(target) ? 'yes' : '**no**'];
}

function machineList(runs: readonly Results[]): string {
  return runs
    .map(({ machine, node, packages, parts }) => {
      const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
      const dates = [...new Set(Object.values(parts).map(({ date }) => date))].sort();
      const { cores, cpu, memoryGb } = machine;
      const where = `${cores} cores of ${cpu}, ${memoryGb} GB`;
      const when = `${dates.join(' and ')}, ${roundsOf(parts)} rounds`;
      return `- Node.js ${node}, ${where}, ${when}: ${versions.join(', ')}`;
    })
    .join('\n');
}

/** What is counted once, such as the size of an installation, does not count here. */
function roundsOf(parts: Results['parts']): string {
  const all = Object.values(parts)
    .flatMap(({ series }) => series.flatMap(({ rows }) => rows))
    .map(({ value }) => value.rounds)
    .filter((rounds) => rounds > 1);
  return [...new Set(all)].sort((a, b) => a - b).join(' or ');
}

function seriesTable(id: string, runs: readonly Results[]): string {
  const measured = runs.map((run) => ({
    line: lineOf(run),
    series: allSeries(run).find((series) => series.id === id),
  }));
  const all = measured.flatMap(({ series }) => series ?? []);
  const [first] = all;
  if (first === undefined) return '*Not measured yet.*';
  const [base] = first.bases;
  const unit = first.unit === '' ? '' : `, ${first.unit}`;
  const heads = measured.flatMap(({ line }) => [
    `Node.js ${line}${unit}`,
    ...(base === undefined ? [] : ['ratio']),
  ]);
  const contenders = [...new Set(all.flatMap(({ rows }) => rows.map((row) => row.contender)))];
  const rows = contenders.map((contender) => [
    contenderName(contender),
    ...measured.flatMap(({ series }) =>
      rowCells(findRow(series ? [series] : [], id, contender), base),
    ),
  ]);
  return markdownTable([capitalised(first.title), ...heads], rows);
}

function rowCells(row: Row | undefined, base: string | undefined): string[] {
  const value = row === undefined ? '' : valueCell(row);
  return base === undefined ? [value] : [value, row?.ratios[base]?.median.toFixed(2) ?? ''];
}

function valueCell({ value: { median, q1, q3, rounds } }: Row): string {
  // One round has no spread.
  if (rounds === 1) return formatNumber(median);
  return `${formatNumber(median)} (${formatNumber(q1)} to ${formatNumber(q3)})`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
