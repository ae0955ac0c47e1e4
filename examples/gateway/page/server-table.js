import { listServers } from './api.js';
import { fill, h } from './dom.js';
import { choose, FILTERS } from './server-list.js';
import { serverRow } from './server-row.js';

const element = (id) => document.getElementById(id);
const [table, filter, sort, size] = ['servers', 'filter', 'sort', 'page-size'].map(element);
const COLUMNS = ['name', 'state', 'days'];

/**
 * The table of all servers: a page of those that are searched for. Calls `onShown()` whenever it or
 * what is selected has changed.
 */
export function serverTable({ onShown }) {
  const rows = new Map();
  const asked = { text: '', filter: 'all', sort: 'name', descending: false };
  let [chosen, first, refreshed, arranging] = [[], 0, Promise.resolve(), undefined];

  /** One after the other, so that an older list never takes the place of a newer one. */
  function refresh() {
    refreshed = refreshed.then(load, load);
    return refreshed;
  }

  async function load() {
    const servers = await listServers();
    const present = new Set(servers.map(({ id }) => id));
    for (const id of rows.keys()) if (!present.has(id)) rows.delete(id);
    for (const server of servers) {
      const known = rows.get(server.id);
      if (known) known.update(server);
      else
        rows.set(
          server.id,
          serverRow(server, { onChanged: refresh, onRevoked, onState, onSelect }),
        );
    }
    arrange(true);
  }

  async function onRevoked() {
    await refresh();
    element('servers-title').focus();
  }

  /** Checks may end many at once. */
  function onState() {
    if (arranging !== undefined) return;
    arranging = setTimeout(() => {
      arranging = undefined;
      arrange(true);
    }, 200);
  }

  function onSelect() {
    onShown();
  }

  /** @param keep whether what somebody has opened stays, although it is not asked for any more */
  function arrange(keep) {
    chosen = choose(
      [...rows.values()],
      asked,
      (row) => keep && row.isOpen && row.element.isConnected,
    );
    show();
  }

  function show() {
    const count = Number(size.value);
    if (first >= chosen.length) first = Math.max(0, Math.ceil(chosen.length / count) - 1) * count;
    const page = chosen.slice(first, first + count);
    place(page.map((row) => row.element));
    const last = first + page.length;
    element('shown').textContent =
      chosen.length === 0 ? 'No server matches.' : `${first + 1} to ${last} of ${chosen.length}`;
    element('before').disabled = first === 0;
    element('after').disabled = last >= chosen.length;
    element('listed').hidden = rows.size === 0;
    element('no-servers').hidden = rows.size > 0;
    for (const name of COLUMNS) {
      const way = asked.descending ? 'descending' : 'ascending';
      element(`by-${name}`).parentElement.setAttribute(
        'aria-sort',
        asked.sort === name ? way : 'none',
      );
    }
    sort.value = asked.sort;
    summarize();
    onShown();
  }

  /** What is there already stays, with the keyboard in it. */
  function place(wanted) {
    const there = [...table.tBodies];
    if (there.length === wanted.length && there.every((body, i) => body === wanted[i])) return;
    const { activeElement } = document;
    const inside = table.tBodies.length > 0 && activeElement?.closest('tbody');
    for (const body of there) body.remove();
    table.append(...wanted);
    if (inside && activeElement.isConnected) activeElement.focus({ preventScroll: true });
  }

  function summarize() {
    const all = [...rows.values()];
    // The same buttons, so that none takes the keyboard with it.
    let calm = all.length > 0;
    for (const [{ test, summary }, button] of leads) {
      const found = all.filter(test).length;
      button.hidden = found === 0;
      button.textContent = `${found} ${typeof summary === 'function' ? summary(found) : summary}`;
      if (found > 0) calm = false;
    }
    const total = `${all.length} server${all.length === 1 ? '' : 's'}`;
    count.textContent = total + (calm ? ': nothing to do' : '');
    for (const option of filter.options) {
      const { text, test } = FILTERS.find(({ value }) => value === option.value);
      option.textContent = `${text} (${all.filter(test).length})`;
    }
  }

  function ask(changes) {
    Object.assign(asked, changes);
    first = 0;
    filter.value = asked.filter;
    arrange(false);
  }

  const count = h('span', {});
  const leads = FILTERS.filter(({ summary }) => summary !== undefined).map((one) => {
    const onclick = () => ask({ filter: one.value });
    return [one, h('button', { type: 'button', class: `link ${one.kind}`, hidden: true, onclick })];
  });
  fill(
    element('summary'),
    count,
    leads.map(([, button]) => button),
  );
  // On a narrow screen it is not laid out as a table, and stays one for screen readers.
  table.setAttribute('role', 'table');
  fill(
    filter,
    FILTERS.map(({ value, text }) => h('option', { value }, text)),
  );
  element('search').addEventListener('input', ({ target }) => ask({ text: target.value }));
  filter.addEventListener('change', () => ask({ filter: filter.value }));
  sort.addEventListener('change', () => ask({ sort: sort.value, descending: false }));
  size.addEventListener('change', () => ask({}));
  for (const name of COLUMNS) {
    element(`by-${name}`).addEventListener('click', () =>
      ask({ sort: name, descending: asked.sort === name && !asked.descending }),
    );
  }
  const turn = (pages) => () => {
    first += pages * Number(size.value);
    show();
    // At the end there is nothing more to press: the keyboard goes on from the table.
    if (document.activeElement?.disabled) table.focus();
  };
  element('before').addEventListener('click', turn(-1));
  element('after').addEventListener('click', turn(1));

  return {
    refresh,
    row: (id) => rows.get(id),
    /** Those that are searched for, of all pages. */
    chosen: () => chosen,
    all: () => [...rows.values()],
    selected: () => [...rows.values()].filter((row) => row.select.checked),
    /** Turns to the page that this server is on, asking for all where it is not among the others. */
    find(id) {
      const row = rows.get(id);
      if (!chosen.includes(row)) {
        element('search').value = '';
        ask({ text: '', filter: 'all' });
      }
      const count = Number(size.value);
      first = Math.floor(chosen.indexOf(row) / count) * count;
      show();
      return row;
    },
  };
}
