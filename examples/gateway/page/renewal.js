import { post, serverPath } from './api.js';
import { approver } from './approver.js';
import { comparison, fingerprintField, problemList } from './certificate.js';
import { act, h } from './dom.js';

/** The certificate on record beside the one presented now, and its approval. */
export function renewalForm(id, { current, presented, problems, sameKey }, on) {
  const approve = h('button', { class: 'main' }, 'Approve the new certificate');
  const fingerprint = fingerprintField(presented, { required: true, approve });
  const by = approver();
  return h(
    'form',
    {
      class: 'panel',
      onsubmit: (event) => {
        event.preventDefault();
        act(
          approve,
          'Trying it …',
          async () => {
            const approval = { fingerprint: fingerprint.input.value, approvedBy: by.value() };
            await post(serverPath(id, 'renew'), approval);
            await on.onApproved();
          },
          ({ code }) => code === 'MCP_TLS_FINGERPRINT_MISMATCH' && fingerprint.input,
        );
      },
    },
    h(
      'h3',
      {},
      sameKey ? 'A new certificate with the same key' : 'A new certificate with a new key',
    ),
    comparison(current, presented),
    problemList(problems),
    fingerprint.element,
    by.element,
    h(
      'div',
      { class: 'actions' },
      approve,
      h('button', { type: 'button', onclick: on.onCancelled }, 'Cancel'),
    ),
  );
}
