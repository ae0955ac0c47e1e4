import { events } from './api.js';
import { daysText } from './certificate.js';
import { h } from './dom.js';

const list = document.getElementById('events');
const none = document.getElementById('no-events');
const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const KEPT = 50;
const AGAIN_MS = 3_000;

/** Shows what happens to certificates, for as long as the page is open. */
export async function followEvents(onEvent) {
  for (;;) {
    try {
      // Another worker may answer this time, and begins with all that it has seen.
      list.replaceChildren();
      for await (const event of events()) show(event, onEvent);
    } catch {
      // The gateway is being restarted, or away.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function show(event, onEvent) {
  none.hidden = true;
  list.prepend(
    h(
      'li',
      { class: event.type },
      h('time', { datetime: event.at }, TIME.format(new Date(event.at))),
      h('span', {}, event.id && h('b', {}, event.id), ` ${words(event)}`),
    ),
  );
  if (list.childElementCount > KEPT) list.lastElementChild.remove();
  onEvent(event);
}

function words(event) {
  switch (event.type) {
    case 'expiring':
      return `its ${event.what} expires soon: ${daysText(event.daysLeft)}`;
    case 'expired':
      return `its ${event.what} has expired: ${daysText(event.daysLeft)}`;
    case 'changed':
      return 'presents another certificate than the one on record';
    case 'renewed':
      return 'has a new certificate on record';
    case 'refused':
      return `was refused: ${event.message}`;
    case 'revoked':
      return 'was revoked';
    case 'failed':
      return `The servers could not be watched: ${event.message}`;
    default:
      return event.type;
  }
}
