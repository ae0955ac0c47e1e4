import { propose, setUpAddServer } from './add-server.js';
import { get, post, setToken, takeToken } from './api.js';
import { openBulkAuthority } from './bulk-authority.js';
import { forEachOf } from './check-many.js';
import { act, fill, h, say } from './dom.js';
import { followEvents } from './events.js';
import { csvOf, save } from './files.js';
import { serverTable } from './server-table.js';

const element = (id) => document.getElementById(id);
const signIn = element('sign-in');
const table = serverTable({ onShown });

/** Events may come many at once. */
const AGAIN_MS = 300;

let again;
const changed = new Set();

signIn.addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(element('token').value);
  start();
});
element('check').addEventListener('click', (event) => {
  const rows = meant();
  act(event.currentTarget, `Checking ${rows.length} …`, async () => {
    const { done, stopped } = await check(rows);
    const bad = rows.filter(
      ({ state }) => !['answers', 'unauthorized', 'unchecked'].includes(state),
    );
    say(
      `${stopped ? 'Stopped after' : 'Checked'} ${done}: ${bad.length === 0 ? 'all in order' : `${bad.length} not in order`}.`,
      bad.length === 0 ? 'good' : 'bad',
    );
  });
});
element('approve-ca').addEventListener('click', () =>
  openBulkAuthority(table.selected(), {
    onDone: async (rows) => {
      await table.refresh();
      await check(rows);
    },
  }),
);
element('csv').addEventListener('click', () => {
  const rows = meant();
  save('servers.csv', 'text/csv', csvOf(rows));
  say(`${rows.length} servers are in the file.`);
});
element('select-all').addEventListener('change', ({ target }) => {
  const wanted = target.checked;
  for (const row of table.all()) row.select.checked = false;
  if (wanted) for (const row of table.chosen()) row.select.checked = true;
  onShown();
});
setUpAddServer(async (id) => {
  await table.refresh();
  const row = table.find(id);
  row.title.focus();
  await row.check();
  say(`${id} is registered, and only what you approved is trusted for it.`);
});

if (takeToken()) start();
else askToken();

async function start() {
  await act(signIn.querySelector('button'), 'Asking the gateway …', async () => {
    try {
      const status = await get('status');
      element('about').textContent =
        `Certificates are kept in ${status.store === 'redis' ? 'Redis' : 'a directory'}, encrypted.`;
      signIn.hidden = true;
      element('content').hidden = false;
      showDemo(status.demo);
      await table.refresh();
      say('');
    } catch (error) {
      if (error.status !== 401) throw error;
      askToken();
      say('That is not the admin token.', 'bad');
      return;
    }
    followEvents(lookAgain);
    // All of them, with nobody kept waiting: a table that has not looked says nothing.
    void check(table.all());
  });
}

/** Each says in its place what came of it. */
const check = (rows) => forEachOf(rows, 'Checking', element('progress'), (row) => row.check());

/** What an action is for: those selected, or else those that are searched for. */
function meant() {
  const selected = table.selected();
  return selected.length > 0 ? selected : table.chosen();
}

function onShown() {
  const [selected, chosen] = [table.selected(), table.chosen()];
  const all = element('select-all');
  all.checked = chosen.length > 0 && chosen.every((row) => row.select.checked);
  all.indeterminate = selected.length > 0 && !all.checked;
  const what = selected.length > 0 ? `${selected.length} selected` : `all ${chosen.length}`;
  element('check').textContent = `Check ${what}`;
  element('csv').textContent = `Export ${what} (CSV)`;
  element('approve-ca').disabled = selected.length === 0;
}

/** After events: shows what is on record now, and what checks say now. */
function lookAgain({ id }) {
  changed.add(id);
  clearTimeout(again);
  again = setTimeout(async () => {
    const ids = [...changed];
    changed.clear();
    await table.refresh().catch(() => {});
    await check(ids.map(table.row).filter(Boolean));
  }, AGAIN_MS);
}

function askToken() {
  signIn.hidden = false;
  element('content').hidden = true;
  element('token').focus();
}

function showDemo(demo) {
  element('demo').hidden = demo.length === 0;
  const rotate = (name, sameKey) => (event) =>
    act(event.currentTarget, `Changing the certificate of ${name} …`, async () => {
      await post(`demo/${encodeURIComponent(name)}/rotate`, { sameKey });
      say(
        `${name} has a new certificate ${sameKey ? 'with its old key' : 'with a new key'}. See the terminal.`,
      );
    });
  fill(
    element('demo-servers'),
    demo.map((server) => {
      const { name, about, url } = server;
      const button = (text, onclick) =>
        h('button', { type: 'button', 'aria-label': `${text}: ${name}`, onclick }, text);
      return h(
        'li',
        {},
        h('p', {}, h('b', {}, name), ` ${about}`, h('br', {}), h('code', {}, url)),
        h(
          'div',
          { class: 'actions' },
          button('Look at it', () => propose(server)),
          button('Renew, same key', rotate(name, true)),
          button('Renew, new key', rotate(name, false)),
        ),
      );
    }),
  );
}
