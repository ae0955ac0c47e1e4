import { propose, setUpAddServer } from './add-server.js';
import { get, post, setToken, takeToken } from './api.js';
import { act, fill, h, moveTo, say } from './dom.js';
import { followEvents } from './events.js';
import { serverCard } from './server-card.js';

const element = (id) => document.getElementById(id);
const signIn = element('sign-in');
const cards = new Map();

/** Up to so many servers are checked as soon as the page shows them. */
const CHECKED_AT_ONCE = 20;
/** Events may come many at once. */
const AGAIN_MS = 300;

let refreshed = Promise.resolve();
let again;
const told = new Set();

signIn.addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(element('token').value);
  start();
});
element('check-all').addEventListener('click', (event) =>
  act(event.currentTarget, 'Checking all …', async () => {
    await checkAll([...cards.keys()]);
    say(`Checked ${cards.size}.`);
  }),
);
setUpAddServer(async (id) => {
  await refresh();
  const card = cards.get(id);
  moveTo(card.title);
  await card.check();
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
      await refresh();
      say('');
    } catch (error) {
      if (error.status !== 401) throw error;
      askToken();
      say('That is not the admin token.', 'bad');
      return;
    }
    if (cards.size <= CHECKED_AT_ONCE) await checkAll([...cards.keys()]);
    followEvents(lookAgain);
  });
}

/** After events: shows what is on record now, and what checks say now. */
function lookAgain({ id }) {
  told.add(id);
  clearTimeout(again);
  again = setTimeout(async () => {
    const ids = [...told];
    told.clear();
    await refresh().catch(() => {});
    await checkAll(ids);
  }, AGAIN_MS);
}

/** Each says in its place what came of it; one that fails does not keep the others. */
async function checkAll(ids) {
  await Promise.allSettled(ids.map((id) => cards.get(id)?.check()));
}

function askToken() {
  signIn.hidden = false;
  element('content').hidden = true;
  element('token').focus();
}

/** One after the other, so that an older list never takes the place of a newer one. */
function refresh() {
  refreshed = refreshed.then(showServers, showServers);
  return refreshed;
}

/** Shows what is on record, and leaves alone what somebody has opened. */
async function showServers() {
  const { servers } = await get('servers');
  const present = new Set(servers.map(({ id }) => id));
  for (const [id, card] of cards) {
    if (present.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  for (const server of servers) {
    const known = cards.get(server.id);
    if (known) known.update(server);
    else cards.set(server.id, serverCard(server, { onChanged: refresh, onRevoked }));
  }
  const inOrder = servers.map(({ id }) => cards.get(id).element);
  for (const one of inOrder) if (!one.isConnected) element('servers').append(one);
  element('no-servers').hidden = servers.length > 0;
  element('check-all').hidden = servers.length < 2;
}

async function onRevoked() {
  await refresh();
  moveTo(element('servers-title'));
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
