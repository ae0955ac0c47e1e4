import { post } from './api.js';
import { approver } from './approver.js';
import { authorityField } from './authority-field.js';
import { certificateList, fingerprintField, problemList } from './certificate.js';
import { act, field, fill, freshId, h, moveTo, say } from './dom.js';

const form = document.getElementById('inspect');
const url = document.getElementById('url');
const place = document.getElementById('presented');

/** Look at a server, compare, approve. Calls `onAdded(id)` for each that was registered. */
export function setUpAddServer(onAdded) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    act(
      button,
      'Looking …',
      async () => {
        fill(place);
        const seen = await post('inspect', { url: url.value });
        fill(place, approval(url.value, seen, onAdded));
        moveTo(place.querySelector('h3'));
        say('This is what it presents. Nothing is trusted yet.');
      },
      ({ code }) => code !== undefined && url,
    );
  });
  // What was proposed was for another address.
  url.addEventListener('input', () => {
    proposed = {};
  });
}

/** Looks at a server, as if somebody had typed its address. */
export function propose({ name, url: address, caPem }) {
  url.value = address;
  proposed = { name, caPem };
  form.requestSubmit();
}

let proposed = {};

function approval(address, { presented, problems }, onAdded) {
  const known = problems.length === 0;
  const id = h('input', {
    required: true,
    autocomplete: 'off',
    maxlength: '128',
    value: proposed.name ?? new URL(address).hostname,
  });
  const by = approver();
  const approve = h('button', { class: 'main' }, 'Approve and register');
  const authority = authorityField({ approve, pem: proposed.caPem });
  const compared = h('div', {});
  const trusts = choices(known, showFields);
  const fingerprint = fingerprintField(presented, { required: !known, approve });
  fill(compared, fingerprint.element);

  function showFields() {
    const brought = trusts.value() === 'authority';
    const needsNone = brought || trusts.value() === '';
    authority.element.hidden = !brought;
    authority.need(brought);
    if (brought && !authority.isKnown()) authority.look();
    compared.hidden = needsNone;
    fingerprint.input.required = !needsNone;
    // A fingerprint that does not match stops only what it is for.
    approve.disabled = brought ? authority.differs() : !needsNone && fingerprint.differs();
  }
  showFields();

  return h(
    'form',
    {
      class: 'panel',
      onsubmit: (event) => {
        event.preventDefault();
        const trust = trusts.value();
        const body = { id: id.value, url: address, trust, approvedBy: by.value() };
        if (trust === 'authority') Object.assign(body, authority.body());
        else if (trust !== '') body.fingerprint = fingerprint.input.value;
        act(
          approve,
          'Trying it …',
          async () => {
            await post('servers', body);
            fill(place);
            form.reset();
            proposed = {};
            await onAdded(body.id);
          },
          ({ code, message }) => {
            if (code === 'MCP_TLS_ALREADY_REGISTERED' || /^id\b/.test(message)) return id;
            if (code === 'MCP_TLS_FINGERPRINT_MISMATCH') return fingerprint.input;
            return trust === 'authority' && code !== undefined && authority.fieldOf({ message });
          },
        );
      },
    },
    h('h3', {}, `What ${new URL(address).host} presents`),
    certificateList(presented),
    problemList(problems),
    trusts.element,
    authority.element,
    compared,
    h('div', { class: 'fields' }, field('Name in this gateway', id), by.element),
    h(
      'div',
      { class: 'actions' },
      approve,
      h(
        'button',
        {
          type: 'button',
          onclick: () => {
            fill(place);
            url.focus();
            say('');
          },
        },
        'Cancel',
      ),
    ),
  );
}

function choices(known, onchange) {
  const name = freshId('trust');
  const options = [
    known && ['', 'The public authorities', 'as browsers do'],
    ['certificate', 'This certificate', 'and no other: each renewal is approved anew'],
    ['key', 'Its key', 'survives renewals that keep the key; names are not checked'],
    [
      'authority',
      'The authority that issued it',
      'and every certificate that it issues for this name',
    ],
  ].filter(Boolean);
  const inputs = options.map(([value], i) =>
    h('input', { type: 'radio', name, value, id: freshId('trust'), checked: i === 0, onchange }),
  );
  const element = h(
    'fieldset',
    {},
    h('legend', {}, 'What to trust from now on'),
    options.map(([, label, about], i) =>
      h(
        'label',
        { class: 'choice', for: inputs[i].id },
        inputs[i],
        h('span', {}, h('b', {}, label), ` ${about}`),
      ),
    ),
  );
  return { element, value: () => inputs.find((input) => input.checked).value };
}
