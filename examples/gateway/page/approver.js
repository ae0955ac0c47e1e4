import { field, h } from './dom.js';

const KEY = 'mcp-gateway-approver';

/** Who approved last in this tab; empty if nobody did. */
export const lastApprover = () => sessionStorage.getItem(KEY) ?? '';

/** Who approves: asked for with every approval, and remembered for this tab. */
export function approver() {
  const input = h('input', {
    required: true,
    autocomplete: 'name',
    maxlength: '200',
    value: lastApprover(),
  });
  return {
    element: field('Your name, for the record', input),
    value() {
      sessionStorage.setItem(KEY, input.value);
      return input.value;
    },
  };
}
