import { get } from './api.js';
import { fingerprint } from './certificate.js';
import { fill, h } from './dom.js';

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const WORDS = {
  registered: 'registered',
  replaced: 'registered anew',
  renewed: 'new certificate approved',
  authority: 'authority approved',
  revoked: 'revoked',
};

/** Who decided what about a server, and what was trusted before. */
export async function showHistory(id, place) {
  const { approvals } = await get(`approvals?${new URLSearchParams({ id })}`);
  const items = approvals.map(({ at, what, by, fingerprint: now, before }) =>
    h(
      'li',
      {},
      h('time', { datetime: at }, TIME.format(new Date(at))),
      h(
        'div',
        {},
        h(
          'p',
          {},
          h('b', {}, WORDS[what] ?? what),
          by ? ` by ${by}` : ' by nobody who gave a name',
        ),
        now && h('p', {}, h('span', { class: 'note' }, 'trusted since then'), fingerprint(now)),
        before &&
          before !== now &&
          h('p', {}, h('span', { class: 'note' }, 'before'), fingerprint(before)),
      ),
    ),
  );
  const none = h('p', { class: 'note' }, 'Nothing was decided through this gateway yet.');
  fill(
    place,
    h(
      'div',
      { class: 'panel' },
      h('h3', {}, `History of ${id}`),
      items.length === 0 ? none : h('ol', { class: 'history' }, items),
    ),
  );
}
