import { post, serverPath } from './api.js';
import { approver } from './approver.js';
import { authorityField } from './authority-field.js';
import { forEachOf } from './check-many.js';
import { act, fill, h, moveTo, say, words } from './dom.js';

const place = document.getElementById('bulk-panel');
const progress = document.getElementById('progress');

/** One authority for many servers. Each is judged by itself: one that it did not issue keeps what it has. */
export function openBulkAuthority(rows, { onDone }) {
  const approve = h('button', { class: 'main' }, `Approve for ${rows.length}`);
  const ca = authorityField({ approve });
  ca.need(true);
  const by = approver();
  const refused = h('ul', { class: 'problems', hidden: true });
  const form = h(
    'form',
    {
      class: 'panel',
      onsubmit: (event) => {
        event.preventDefault();
        act(approve, `Trying ${rows.length} …`, approveAll, ca.fieldOf);
      },
    },
    h('h3', {}, `One authority for ${rows.length} server${rows.length === 1 ? '' : 's'}`),
    h('p', { class: 'note' }, rows.map(({ id }) => id).join(', ')),
    ca.element,
    by.element,
    refused,
    h(
      'div',
      { class: 'actions' },
      approve,
      h('button', { type: 'button', onclick: () => fill(place) }, 'Cancel'),
    ),
  );

  async function approveAll() {
    if (!ca.isKnown()) return ca.look();
    const body = { ...ca.body(), approvedBy: by.value() };
    const { done, failures } = await forEachOf(rows, 'Approving', progress, async (row) => {
      await post(serverPath(row.id, 'authority'), body);
      row.select.checked = false;
    });
    await onDone(rows);
    const good = done - failures.length;
    say(
      `${good} of ${rows.length} trust it now.${failures.length > 0 ? ' The others keep what they had.' : ''}`,
      failures.length > 0 ? 'bad' : 'good',
    );
    if (good === rows.length) return fill(place);
    refused.hidden = failures.length === 0;
    fill(
      refused,
      failures.map(({ item, error }) => h('li', {}, h('b', {}, item.id), ` ${words(error)}`)),
    );
  }

  fill(place, form);
  moveTo(form.querySelector('h3'));
}
