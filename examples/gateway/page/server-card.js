import { post, remove, serverPath } from './api.js';
import {
  comparison,
  dateOf,
  daysText,
  fingerprint,
  fingerprintField,
  problemList,
} from './certificate.js';
import { act, field, fill, freshId, h, moveTo, say } from './dom.js';
import { toolPanel } from './tool-panel.js';

const TRUST = {
  certificate: 'exactly this certificate',
  key: 'its key',
  authority: 'the authority that issues its certificates',
  roots: 'the public authorities',
};

/** One registered server: what is on record, what a check found, and what can be done. */
export function serverCard(server, { onChanged, onRevoked }) {
  const { id } = server;
  let [onRecord, presented] = [server, undefined];
  const title = h('h3', { id: freshId('server') }, id);
  const state = h('p', { class: 'state' }, 'not checked yet');
  const facts = h('div', {});
  const panel = h('div', { class: 'under' });
  const named = (text, onclick, kind) =>
    h('button', { type: 'button', class: kind, 'aria-describedby': title.id, onclick }, text);
  const tools = named('Tools', openTools);
  tools.setAttribute('aria-expanded', 'false');
  const element = h(
    'li',
    { class: 'server', 'aria-labelledby': title.id },
    h('div', { class: 'title' }, title, state),
    facts,
    h(
      'div',
      { class: 'actions' },
      tools,
      named('Check', (event) =>
        act(event.currentTarget, `Checking ${id} …`, async () => say(`${id}: ${await check()}`)),
      ),
      named('Renew', (event) => renew(event.currentTarget)),
      named('Revoke', (event) => revoke(event.currentTarget), 'danger'),
    ),
    panel,
  );

  function update(next) {
    onRecord = next;
    fill(facts, next.error === undefined ? record(next, presented) : failure(next.error));
  }

  async function check() {
    const { check: found } = await post(serverPath(id, 'check'));
    presented = found;
    update(onRecord);
    const ms = Math.round(found.durationMs);
    const text = found.ok
      ? `answers, ${ms} ms`
      : !found.reachable
        ? 'not reachable'
        : !found.trusted
          ? 'presents what is not trusted'
          : found.mcp === 'unauthorized'
            ? 'trusted, and wants authorization (401)'
            : 'trusted, and gives no answer in MCP';
    const hint = !found.ok && found.reachable && !found.trusted ? ': look at it with Renew' : '';
    state.className = `state ${found.ok ? 'good' : 'bad'}`;
    state.textContent = text;
    return text + hint;
  }

  function openTools() {
    const open = tools.getAttribute('aria-expanded') === 'true';
    tools.setAttribute('aria-expanded', String(!open));
    fill(panel);
    if (!open) act(tools, `Asking ${id} for its tools …`, () => toolPanel(id, panel));
  }

  function renew(button) {
    tools.setAttribute('aria-expanded', 'false');
    fill(panel);
    act(button, `Looking at what ${id} presents …`, async () => {
      try {
        const { changed } = await post(serverPath(id, 'renew'));
        say(
          changed
            ? `${id}: the new certificate is covered by what is trusted, and is on record now.`
            : `${id} presents what is on record. Nothing to renew.`,
        );
        await onChanged();
        await check();
      } catch (error) {
        if (error.status !== 428) throw error;
        fill(panel, renewal(error.body));
        moveTo(panel.querySelector('h4'));
        say(`${id} presents another certificate. It is refused until you approve it.`, 'bad');
      }
    });
  }

  function renewal({ current, presented, problems, sameKey }) {
    const told = fingerprintField(presented, { required: true });
    const by = h('input', { autocomplete: 'name' });
    return h(
      'form',
      {
        class: 'panel',
        onsubmit: (event) => {
          event.preventDefault();
          act(event.submitter, 'Trying it …', async () => {
            const approval = { fingerprint: told.input.value, approvedBy: by.value };
            await post(serverPath(id, 'renew'), approval);
            fill(panel);
            await onChanged();
            await check();
            moveTo(title);
            say(`${id}: the new certificate is trusted now, and the old one is not.`);
          });
        },
      },
      h(
        'h4',
        {},
        sameKey ? 'A new certificate with the same key' : 'A new certificate with a new key',
      ),
      comparison(current, presented),
      problemList(problems),
      told.element,
      field('Your name, for the record', by),
      h(
        'div',
        { class: 'actions' },
        h('button', { class: 'main' }, 'Approve the new certificate'),
        h(
          'button',
          {
            type: 'button',
            onclick: () => {
              fill(panel);
              moveTo(title);
              say('');
            },
          },
          'Cancel',
        ),
      ),
    );
  }

  async function revoke(button) {
    if (!(await confirmed(id))) return;
    await act(button, `Revoking ${id} …`, async () => {
      await remove(serverPath(id));
      await onRevoked();
      say(`${id} is revoked.`);
    });
  }

  update(server);
  return { id, element, title, update, check };
}

/** What is on record; and what a check saw, where that is another certificate. */
function record(server, presented) {
  const { url, kind, isSelfSigned, approvedBy, approvedAt } = server;
  // What is on record for an authority is its own certificate.
  const of = kind === 'authority' ? 'CA ' : '';
  const approved = [approvedBy && `by ${approvedBy}`, approvedAt && `on ${dateOf(approvedAt)}`];
  const other =
    presented?.fingerprint !== undefined && presented.fingerprint !== server.fingerprint;
  const isIssued = of !== '' || kind === 'roots';
  const rows = [
    ['Address', h('code', {}, url)],
    ['Trusted', TRUST[kind] + (isSelfSigned && of === '' ? ', self-signed' : '')],
    other && ['Presents', presentedNow(presented, isIssued)],
    // Nothing is on record where the public authorities are trusted.
    server.notAfter && [
      of ? 'CA ends' : 'Ends',
      h('span', {}, dateOf(server.notAfter), days(server.daysLeft)),
    ],
    server.fingerprint && [`${of}SHA-256`, fingerprint(server.fingerprint)],
    approved.some(Boolean) && ['Approved', approved.filter(Boolean).join(' ')],
  ].filter(Boolean);
  return h(
    'dl',
    { class: 'certificate' },
    rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

/** Its days count only where it is trusted. */
function presentedNow({ trusted, daysLeft }, isIssued) {
  if (!trusted) return h('span', { class: 'bad' }, 'another certificate');
  return h('span', {}, isIssued ? 'one that they issued' : 'another certificate', days(daysLeft));
}

function days(left) {
  const kind = left < 0 ? 'bad' : left <= 30 ? 'soon' : 'good';
  return h('b', { class: `days ${kind}` }, daysText(left));
}

const failure = ({ code, message }) =>
  h('p', { class: 'bad' }, 'Its record cannot be used. ', h('code', {}, code), ` ${message}`);

/** Asks, in a dialog that the keyboard cannot leave by accident. */
function confirmed(id) {
  const dialog = document.getElementById('revoke');
  document.getElementById('revoke-title').textContent = `Revoke ${id}?`;
  dialog.returnValue = 'cancel';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'revoke'), {
      once: true,
    });
  });
}
