import { post } from './api.js';
import { certificateList, fingerprintField } from './certificate.js';
import { act, field, fill, h, say } from './dom.js';
import { readCertificate } from './files.js';

/**
 * Takes the certificate of an authority, from a file or pasted, shows what it is, and asks for its
 * fingerprint. The button `approve` does nothing until that matches.
 */
export function authorityField({ approve, pem = '' }) {
  const seen = h('div', {});
  let fingerprint;
  const file = h('input', { type: 'file', accept: '.pem,.crt,.cer,.der', onchange: take });
  const text = h(
    'textarea',
    {
      rows: '4',
      class: 'code',
      spellcheck: 'false',
      placeholder: '-----BEGIN CERTIFICATE-----',
      oninput: forget,
      onchange: look,
    },
    pem,
  );
  const element = h(
    'div',
    { class: 'authority' },
    field(
      'Certificate of the authority',
      text,
      'PEM. Anyone who holds its key can issue certificates for servers.',
    ),
    field('or from a file', file),
    seen,
  );

  async function take() {
    const [chosen] = file.files;
    if (chosen === undefined) return;
    forget();
    await act(
      file,
      'Reading …',
      async () => {
        text.value = await readCertificate(chosen);
        say('');
      },
      () => file,
    );
    if (text.value !== '') await look();
  }

  function forget() {
    fingerprint = undefined;
    approve.disabled = false;
    fill(seen);
  }

  /** Whatever was compared before was another one. */
  async function look() {
    forget();
    if (text.value.trim() === '') return;
    await act(
      text,
      'Reading …',
      async () => {
        const ca = text.value;
        const { presented } = await post('authorities/inspect', { ca });
        if (ca !== text.value) return;
        fingerprint = fingerprintField(presented, { required: true, approve, of: 'the authority' });
        fill(seen, certificateList(presented), fingerprint.element);
        say('This is the authority. Nothing is trusted yet.');
      },
      () => text,
    );
  }

  return {
    element,
    look,
    text,
    isKnown: () => fingerprint !== undefined,
    differs: () => fingerprint?.differs() ?? false,
    /** @param needed whether the form is not to be sent without it */
    need(needed) {
      text.required = needed;
      if (fingerprint) fingerprint.input.required = needed;
    },
    body: () => ({ ca: text.value, caFingerprint: fingerprint?.input.value ?? '' }),
    fieldOf: ({ message }) =>
      /^caFingerprint/.test(message) ? (fingerprint?.input ?? text) : text,
  };
}
