import { field, h } from './dom.js';

const KEY = 'mcp-gateway-approver';

/** Who approves: asked for with every approval, and remembered for this tab. */
export function approver() {
  const input = h('input', {
    required: true,
    autocomplete: 'name',
    maxlength: '200',
    value: sessionStorage.getItem(KEY) ?? '',
  });
  return {
    element: field('Your name, for the record', input),
    value() {
      sessionStorage.setItem(KEY, input.value);
      return input.value;
    },
  };
}
