import { post, serverPath } from './api.js';
import { daysText } from './certificate.js';
import { freshId, h } from './dom.js';
import { serverDetail } from './server-detail.js';
import { daysLeftOf, STATES, stateOf } from './server-list.js';

const TRUST = { certificate: 'certificate', key: 'key', authority: 'CA', roots: 'public CAs' };

/**
 * One registered server: a line of the table, and below it, once it was opened, all there is about it.
 * An element of its own (`tbody`), which moves when the table is sorted and keeps what is open in it.
 */
export function serverRow(server, { onChanged, onRevoked, onState, onSelect }) {
  const { id } = server;
  let [onRecord, checked, detail] = [server, undefined, undefined];
  const under = h('td', { colspan: '6', role: 'cell' });
  const underRow = h(
    'tr',
    { class: 'detail', role: 'row', hidden: true, id: freshId('detail') },
    under,
  );
  const toggle = h(
    'button',
    {
      type: 'button',
      class: 'toggle',
      'aria-expanded': 'false',
      'aria-controls': underRow.id,
      onclick: () => open(!row.isOpen),
    },
    id,
  );
  const select = h('input', { type: 'checkbox', 'aria-label': `Select ${id}`, onchange: onSelect });
  const cells = Object.fromEntries(
    ['address', 'state', 'days', 'trust'].map((name) => [
      name,
      h('td', { role: 'cell', class: `is-${name}` }),
    ]),
  );
  const element = h(
    'tbody',
    { role: 'rowgroup' },
    h(
      'tr',
      { class: 'server', role: 'row' },
      h('td', { role: 'cell', class: 'select' }, select),
      h('th', { role: 'rowheader', scope: 'row', class: 'name' }, toggle),
      Object.values(cells),
    ),
    underRow,
  );

  function update(next) {
    onRecord = next;
    show();
  }

  async function check() {
    const { check: found } = await post(serverPath(id, 'check'));
    checked = found;
    show();
    onState();
    const text = words(row.state, found);
    return row.state === 'changed' || row.state === 'refused'
      ? `${text}: compare it with Renew`
      : text;
  }

  function show() {
    row.server = onRecord;
    row.found = checked;
    row.state = stateOf(onRecord, checked);
    row.daysLeft = daysLeftOf(onRecord, checked);
    const { kind } = STATES[row.state];
    cells.address.textContent = onRecord.url === undefined ? '' : new URL(onRecord.url).host;
    cells.state.replaceChildren(h('span', { class: `state ${kind}` }, words(row.state, checked)));
    cells.days.replaceChildren(days(row.daysLeft));
    cells.trust.textContent = TRUST[onRecord.kind] ?? '';
    detail?.update(onRecord, checked);
  }

  function open(isOpen) {
    row.isOpen = isOpen;
    toggle.setAttribute('aria-expanded', String(isOpen));
    underRow.hidden = !isOpen;
    if (!isOpen) return;
    detail ??= serverDetail(row, { onChanged, onRevoked });
    detail.update(onRecord, checked);
    under.replaceChildren(detail.element);
  }

  const row = { id, element, title: toggle, select, isOpen: false, update, check, open };
  update(server);
  return row;
}

function words(state, check) {
  return state === 'answers' ? `answers, ${Math.round(check.durationMs)} ms` : STATES[state].text;
}

function days(left) {
  if (left === undefined) return '';
  const kind = left < 0 ? 'bad' : left <= 30 ? 'soon' : 'good';
  return h('b', { class: `days ${kind}` }, daysText(left));
}
