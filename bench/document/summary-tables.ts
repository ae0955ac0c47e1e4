/** Tables of what several series say together: one row for each of them, and few contenders. */
import { ALONE, BASE, FORMS, FURTHER_SETTINGS } from '../calls/settings.js';
import { contenderName } from '../contender-names.js';
import { formatNumber } from '../support/format.js';
import { allSeries, findRow, type Results, type Row } from '../support/results.js';
import type { Summary } from '../support/statistics.js';
import { OURS } from '../target-definition.js';
import { lineOf, markdownTable } from './markdown-table.js';

/** Tool calls over SDK v1 in every setting: ours beside undici.fetch. */
export function settingsTable(runs: readonly Results[]): string {
  const settings = [ALONE, ...FURTHER_SETTINGS];
  const rows = FORMS.flatMap((form) =>
    settings.map((setting) => ({
      name: `${form.toUpperCase()} answer, ${setting.text}`,
      id: `calls.v1.${form}${setting === ALONE ? '' : `.${setting.name}`}.cpu`,
    })),
  );
  return tableOf('tools/call, SDK v1', runs, rows, [
    { head: 'mcp-tls, µs', cell: (row) => median(row(OURS)) },
    { head: 'undici.fetch, µs', cell: (row) => median(row(BASE)) },
    { head: 'share', cell: (row) => spread(row(OURS)?.ratios[BASE]) },
    { head: 'of the floor', cell: (row) => ratioTo(row(OURS), 'floor') },
  ]);
}

/** Small POSTs by how many are under way: ours beside undici's own dispatch. */
export function postsTable(runs: readonly Results[]): string {
  const rows = [
    { name: '1 at a time', id: 'raw.at1.throughput' },
    { name: '16 at a time', id: 'raw.throughput' },
    { name: '64 at a time', id: 'raw.at64.throughput' },
  ];
  return tableOf('Small POSTs', runs, rows, [
    { head: 'mcp-tls, requests/s', cell: (row) => median(row(OURS)) },
    { head: 'Agent.dispatch, requests/s', cell: (row) => median(row('undici-dispatch')) },
    { head: 'share', cell: (row) => spread(row(OURS)?.ratios['undici-dispatch']) },
    { head: 'of undici.request', cell: (row) => ratioTo(row(OURS), 'undici-request') },
    { head: 'of undici.fetch', cell: (row) => ratioTo(row(OURS), BASE) },
  ]);
}

/** What a server takes: the whole, what JavaScript holds of it, and the rest. */
export function memoryTable(runs: readonly Results[]): string {
  const states = [
    { state: 'made', name: 'registered' },
    { state: 'used', name: 'used once, idle' },
    { state: 'further', name: 'the same, after 1,000 others' },
    { state: 'connected', name: 'an open connection' },
  ];
  const contenders = [OURS, 'undici-agent'];
  const heads = runs.flatMap((run) => [`Node.js ${lineOf(run)}: RSS, KB`, 'held', 'the rest']);
  const rows = states.flatMap(({ name, state }) =>
    contenders.map((contender) => [
      `${name}, ${contenderName(contender)}`,
      ...runs.flatMap((run) =>
        ['rss', 'heap', 'rest'].map((what) =>
          median(findRow(allSeries(run), `memory.${state}.${what}`, contender)),
        ),
      ),
    ]),
  );
  return markdownTable(['A server', ...heads], rows);
}

interface Column {
  readonly head: string;
  /** @param row gives a contender's figure in the row's series */
  readonly cell: (row: (contender: string) => Row | undefined) => string;
}

function tableOf(
  title: string,
  runs: readonly Results[],
  rows: readonly { readonly id: string; readonly name: string }[],
  columns: readonly Column[],
): string {
  const heads = runs.flatMap((run) =>
    columns.map(({ head }, i) => (i === 0 ? `Node.js ${lineOf(run)}: ${head}` : head)),
  );
  const body = rows.map(({ id, name }) => [
    name,
    ...runs.flatMap((run) => {
      const series = allSeries(run);
      return columns.map(({ cell }) => cell((contender) => findRow(series, id, contender)));
    }),
  ]);
  return markdownTable([title, ...heads], body);
}

function median(row: Row | undefined): string {
  return row === undefined ? '' : formatNumber(row.value.median);
}

function ratioTo(row: Row | undefined, base: string): string {
  return row?.ratios[base]?.median.toFixed(2) ?? '';
}

function spread(summary: Summary | undefined): string {
  if (summary === undefined) return '';
  const { median, q1, q3 } = summary;
  return `${median.toFixed(2)} (${q1.toFixed(2)} to ${q3.toFixed(2)})`;
}
