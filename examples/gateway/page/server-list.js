/** What the table shows of the servers: their states, which of them are asked for, in which order. */

/** Days in which somebody has to act. */
export const SOON = 7;

/** Every state in words, the one that needs a person first. */
export const STATES = {
  unusable: { text: 'record cannot be used', kind: 'bad' },
  changed: { text: 'changed', kind: 'bad' },
  refused: { text: 'not trusted', kind: 'bad' },
  unreachable: { text: 'not reachable', kind: 'bad' },
  silent: { text: 'no answer in MCP', kind: 'bad' },
  unchecked: { text: 'not checked yet', kind: '' },
  unauthorized: { text: 'wants authorization (401)', kind: 'good' },
  answers: { text: 'answers', kind: 'good' },
};

const ORDER = Object.keys(STATES);

/** @param check what the last check found, if there was one */
export function stateOf(server, check) {
  if (server.error !== undefined) return 'unusable';
  if (check === undefined) return 'unchecked';
  if (check.ok) return 'answers';
  if (!check.reachable) return 'unreachable';
  if (check.trusted) return check.mcp === 'unauthorized' ? 'unauthorized' : 'silent';
  const isOther = check.fingerprint !== undefined && check.fingerprint !== server.fingerprint;
  return isOther && check.error?.code !== 'MCP_TLS_EXPIRED' ? 'changed' : 'refused';
}

/** Days until the first certificate ends that it rests on: on record, or presented and trusted. */
export function daysLeftOf(server, check) {
  const presented = check?.trusted ? check.daysLeft : undefined;
  const known = [server.daysLeft, presented].filter((days) => typeof days === 'number');
  return known.length === 0 ? undefined : Math.min(...known);
}

const isIn = (state) => (row) => row.state === state;
const endsWithin = (days) => (row) => row.daysLeft !== undefined && row.daysLeft <= days;
const needsSomebody = (row) => STATES[row.state].kind === 'bad' || endsWithin(SOON)(row);

/** What can be asked for. The summary names those that are marked and not empty. */
export const FILTERS = [
  { value: 'all', text: 'All', test: () => true },
  { value: 'attention', text: 'Needs attention', test: needsSomebody },
  { value: 'changed', text: 'Changed', test: isIn('changed'), summary: 'changed', kind: 'bad' },
  {
    value: 'soon',
    text: `Expires within ${SOON} days`,
    test: endsWithin(SOON),
    summary: (n) => `expire${n === 1 ? 's' : ''} within ${SOON} days`,
    kind: 'soon',
  },
  { value: 'month', text: 'Expires within 30 days', test: endsWithin(30) },
  {
    value: 'unreachable',
    text: 'Not reachable',
    test: isIn('unreachable'),
    summary: 'not reachable',
    kind: 'bad',
  },
  {
    value: 'refused',
    text: 'Not trusted',
    test: isIn('refused'),
    summary: 'not trusted',
    kind: 'bad',
  },
  {
    value: 'unusable',
    text: 'Record cannot be used',
    test: isIn('unusable'),
    summary: 'cannot be used',
    kind: 'bad',
  },
  {
    value: 'silent',
    text: 'No answer in MCP',
    test: isIn('silent'),
    summary: 'without an answer',
    kind: 'bad',
  },
  { value: 'answers', text: 'Answers', test: isIn('answers') },
  {
    value: 'unchecked',
    text: 'Not checked yet',
    test: isIn('unchecked'),
    summary: 'not checked yet',
    kind: '',
  },
];

const byId = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Without an end comes after everything that has one. */
const SORTS = {
  name: byId,
  days: (a, b) => (a.daysLeft ?? Infinity) - (b.daysLeft ?? Infinity) || byId(a, b),
  state: (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || byId(a, b),
};

/**
 * The rows that are asked for, in order.
 *
 * @param rows each with `id`, `server`, `state` and `daysLeft`
 * @param keep rows that stay although nobody asks for them
 */
export function choose(rows, { text, filter, sort, descending }, keep = () => false) {
  const { test } = FILTERS.find(({ value }) => value === filter);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = rows.filter((row) => keep(row) || (test(row) && hasAll(row, words)));
  // Infinity less Infinity is NaN, which `||` passes on to the names.
  chosen.sort(SORTS[sort]);
  return descending ? chosen.reverse() : chosen;
}

function hasAll({ server }, words) {
  const { id, url = '', approvedBy = '', fingerprint = '' } = server;
  const hay = [id, url, approvedBy, fingerprint, fingerprint.replaceAll(':', '')]
    .join('\n')
    .toLowerCase();
  return words.every((word) => hay.includes(word));
}
