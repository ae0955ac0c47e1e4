import { field, freshId, h } from './dom.js';

/** A certificate in words, one or two side by side, and the field to compare its fingerprint in. */

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

export const dateOf = (iso) => (iso === null ? 'unreadable' : DATE.format(new Date(iso)));

export function daysText(days) {
  if (days < 0) return `ended ${count(-days)} ago`;
  return days === 0 ? 'ends today' : `${count(days)} left`;
}

const count = (days) => `${days} day${days === 1 ? '' : 's'}`;

/** In groups, so that a person can compare them and a narrow screen can break between them. */
export function fingerprint(text) {
  const groups = text.match(/(?:[0-9A-F]{2}:?){1,8}/g) ?? [text];
  return h(
    'code',
    { class: 'fingerprint' },
    groups.map((group) => h('span', {}, group)),
  );
}

const ROWS = [
  ['Subject', ({ subject }) => subject || 'none'],
  ['Issued by', ({ issuer, isSelfSigned }) => (isSelfSigned === true ? 'itself' : issuer)],
  ['Names', ({ subjectAltNames: { dns, ip } }) => [...dns, ...ip].join(', ') || 'none'],
  ['Valid', ({ notBefore, notAfter }) => `${dateOf(notBefore)} to ${dateOf(notAfter)}`],
  ['Key', ({ key }) => [key.type, key.curve ?? key.bits].filter(Boolean).join(' ')],
  ['Key pin', ({ spkiPin }) => h('code', {}, spkiPin)],
  ['SHA-256', (description) => fingerprint(description.fingerprint)],
];

/** What one certificate says. */
export function certificateList(description) {
  return h(
    'dl',
    { class: 'certificate' },
    ROWS.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value(description)))),
  );
}

const cell = (tag, role, ...children) => h(tag, { role }, ...children);
const COLUMNS = ['On record', 'Presented now'];

/**
 * The certificate on record beside the one that is presented now; what differs is marked in words. A
 * narrow screen shows it as a list, and by its roles it stays a table for screen readers.
 */
export function comparison(current, presented) {
  const columns = COLUMNS.map((name) => cell('th', 'columnheader', name));
  const rows = ROWS.map(([name, value]) => {
    const [before, now] = [value(current), value(presented)].map((content, i) =>
      h('td', { role: 'cell', 'data-column': COLUMNS[i] }, content),
    );
    const differs = before.textContent !== now.textContent;
    const mark = differs && h('span', { class: 'mark' }, ' differs');
    return cell('tr', 'row', cell('th', 'rowheader', name, mark), before, now);
  });
  return h(
    'table',
    { class: 'comparison', role: 'table' },
    h('caption', {}, 'On record, and presented now'),
    cell('thead', 'rowgroup', cell('tr', 'row', cell('td', 'cell'), columns)),
    cell('tbody', 'rowgroup', rows),
  );
}

/** What is wrong with it under the public authorities; for a private server that is to be expected. */
export function problemList(problems) {
  if (problems.length === 0) {
    return h('p', { class: 'note' }, 'A public authority issued it: browsers would accept it.');
  }
  return h(
    'ul',
    { class: 'problems' },
    problems.map(({ code, message }) => h('li', {}, h('b', {}, code), ` ${message}`)),
  );
}

/**
 * Takes the fingerprint that the operator gave, and shows whether the presented certificate is that one. As long as it is
 * not, the button `approve` does nothing.
 */
export function fingerprintField(description, { required, approve, of }) {
  const verdict = h('output', { class: 'verdict', id: freshId('verdict') });
  const input = h('input', {
    class: 'code',
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
    required,
    oninput: () => {
      const bad = differs();
      verdict.textContent =
        input.value.trim() === '' ? '' : bad ? '✗ Does not match.' : '✓ Matches.';
      verdict.className = `verdict ${bad ? 'bad' : 'good'}`;
      approve.disabled = bad;
    },
  });
  function differs() {
    const given = input.value.trim();
    return given !== '' && !isSame(given, description);
  }
  const about =
    'SHA-256 of the certificate or a pin of its key, as its operator gave it to you: by phone, from their terminal, never from this page.';
  const paragraph = field(
    `Fingerprint ${of ? `of ${of} ` : ''}from the operator${required ? '' : ' (optional)'}`,
    input,
    about,
  );
  verdict.htmlFor = input.id;
  paragraph.append(verdict);
  return { element: paragraph, input, differs };
}

/** For the eye only: the gateway compares again, and its word counts. */
function isSame(given, { fingerprint: presented, spkiPin }) {
  const hex = (text) =>
    text
      .replace(/^sha-?256[:=/ ]*/i, '')
      .replace(/[\s:]/g, '')
      .toUpperCase();
  return given === spkiPin || hex(given) === hex(presented);
}
