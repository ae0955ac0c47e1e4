import { getText, post, remove, serverPath } from './api.js';
import { lastApprover } from './approver.js';
import { dateOf, daysText, fingerprint } from './certificate.js';
import { act, fill, freshId, h, moveTo, say } from './dom.js';
import { fileName, save } from './files.js';
import { showHistory } from './history.js';
import { renewalForm } from './renewal.js';
import { toolPanel } from './tool-panel.js';

const TRUST = {
  certificate: 'exactly this certificate',
  key: 'its key',
  authority: 'the authority that issues its certificates',
  roots: 'the public authorities',
};

/** All about the server of a row: what is on record, what a check found, and what can be done. */
export function serverDetail(row, { onChanged, onRevoked }) {
  const { id, title } = row;
  title.id ||= freshId('server');
  const facts = h('div', {});
  const panel = h('div', { class: 'under' });
  const named = (text, onclick, kind) =>
    h('button', { type: 'button', class: kind, 'aria-describedby': title.id, onclick }, text);
  const tools = named('Tools', openTools);
  tools.setAttribute('aria-expanded', 'false');
  const pem = named('Download PEM', (event) =>
    act(event.currentTarget, `Reading the certificate of ${id} …`, async () => {
      const text = await getText(serverPath(id, 'certificate'));
      save(fileName(id, 'pem'), 'application/x-pem-file', text);
      say(`The certificate on record for ${id} is in the file.`);
    }),
  );
  const element = h(
    'div',
    { class: 'facts', role: 'group', 'aria-labelledby': title.id },
    facts,
    h(
      'div',
      { class: 'actions' },
      tools,
      named('Check', (event) =>
        act(event.currentTarget, `Checking ${id} …`, async () =>
          say(`${id}: ${await row.check()}`),
        ),
      ),
      named('Renew', (event) => renew(event.currentTarget)),
      pem,
      named('History', (event) => openHistory(event.currentTarget)),
      named('Revoke', (event) => revoke(event.currentTarget), 'danger'),
    ),
    panel,
  );

  function openHistory(button) {
    tools.setAttribute('aria-expanded', 'false');
    act(button, `Reading the history of ${id} …`, async () => {
      await showHistory(id, panel);
      moveTo(panel.querySelector('h3'));
      say('');
    });
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
        await row.check();
      } catch (error) {
        if (error.status !== 428) throw error;
        fill(panel, renewalForm(id, error.body, { onApproved, onCancelled }));
        moveTo(panel.querySelector('h3'));
        say(`${id} presents another certificate. It is refused until you approve it.`, 'bad');
      }
    });
  }

  async function onApproved() {
    fill(panel);
    await onChanged();
    await row.check();
    title.focus();
    say(`${id}: the new certificate is trusted now, and the old one is not.`);
  }

  function onCancelled() {
    fill(panel);
    title.focus();
    say('');
  }

  async function revoke(button) {
    if (!(await confirmed(id))) return;
    await act(button, `Revoking ${id} …`, async () => {
      await remove(serverPath(id), { approvedBy: lastApprover() });
      await onRevoked();
      say(`${id} is revoked.`);
    });
  }

  return {
    element,
    update(server, check) {
      // The public authorities have none on record.
      pem.hidden = server.fingerprint === undefined;
      fill(facts, server.error === undefined ? record(server, check) : failure(server.error));
    },
  };
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
    server.serverName && ['Checked name', server.serverName],
    other && ['Presents', presentedNow(presented, isIssued)],
    // Nothing is on record where the public authorities are trusted.
    server.notAfter && [
      of ? 'CA expires' : 'Expires',
      `${dateOf(server.notAfter)}, ${daysText(server.daysLeft)}`,
    ],
    server.fingerprint && [`${of}SHA-256`, fingerprint(server.fingerprint)],
    server.previousFingerprint && ['Before', fingerprint(server.previousFingerprint)],
    approved.some(Boolean) && ['Approved', approved.filter(Boolean).join(' ')],
    presented?.error && ['Last check', h('span', { class: 'bad' }, presented.error.message)],
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
  const what = isIssued ? 'one that they issued' : 'another certificate';
  return daysLeft === undefined ? what : `${what}, ${daysText(daysLeft)}`;
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
