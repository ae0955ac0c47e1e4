/** Makes elements. Text only ever becomes text: nothing that a server says is read as HTML. */

let count = 0;

/** An id that no other element has, to tie a label to its field. */
export function freshId(name) {
  count += 1;
  return `${name}-${count}`;
}

/**
 * An element: `h('p', { class: 'note' }, 'some ', h('b', {}, 'text'))`. A function is a listener, as
 * `onclick`; `false`, `null` and `undefined` leave an attribute or a child out.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
}

/** A label with its field below it, and a note about it. */
export function field(label, input, note) {
  input.id ||= freshId('field');
  const about = note && h('span', { class: 'note', id: freshId('note') }, note);
  if (about) input.setAttribute('aria-describedby', about.id);
  return h('p', {}, h('label', { for: input.id }, label), input, about);
}

/** Moves the keyboard, and a screen reader with it, to what has just come. */
export function moveTo(element) {
  element.tabIndex = -1;
  element.focus();
  element.scrollIntoView({ block: 'nearest' });
}

const status = document.getElementById('status');

/** Announces a result, to eyes and to screen readers. */
export function say(text, kind = 'good') {
  status.className = kind;
  status.textContent = text;
}

/**
 * Runs an action of a button: not twice at once, and with its failure shown.
 *
 * @param fieldOf the field that an error (`{ code, message }`) is about, if it is about one: it is shown there
 */
export async function act(button, doing, action, fieldOf) {
  if (button?.getAttribute('aria-disabled') === 'true') return;
  button?.setAttribute('aria-disabled', 'true');
  say(doing, 'busy');
  try {
    await action();
  } catch (error) {
    const input = fieldOf?.(error.body?.error ?? { message: error.message });
    if (input) {
      complain(input, words(error));
      say('');
    } else {
      say(words(error), 'bad');
    }
  } finally {
    button?.removeAttribute('aria-disabled');
  }
}

/** An error as a sentence, with its code for those who look it up. */
export function words(error) {
  const { code, message, hint } = error.body?.error ?? { message: error.message };
  const isOurs = code?.startsWith('MCP_TLS');
  return [message, hint && `. ${hint}`, isOurs && ` (${code})`].filter(Boolean).join('');
}

/** Says below a field what is wrong with it, until somebody changes it. */
function complain(input, text) {
  const error = h('span', { class: 'error', role: 'alert', id: freshId('error') }, text);
  const [paragraph, described] = [input.closest('p'), input.getAttribute('aria-describedby')];
  paragraph.querySelector('.error')?.remove();
  paragraph.append(error);
  input.setAttribute('aria-invalid', 'true');
  input.setAttribute('aria-describedby', [described, error.id].filter(Boolean).join(' '));
  input.addEventListener(
    'input',
    () => {
      error.remove();
      input.removeAttribute('aria-invalid');
      if (described === null) input.removeAttribute('aria-describedby');
      else input.setAttribute('aria-describedby', described);
    },
    { once: true },
  );
  input.focus();
}
