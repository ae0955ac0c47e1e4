import { brief, printable } from '../certificate/printable.js';

/**
 * What a peer, a file or the command line named, within a sentence: no character that a terminal acts upon or that
 * turns the direction of writing, and no more than a sentence has room for.
 */
export function shown(text: string): string {
  return brief(printable(text));
}

/** A URL as far as it is no secret: without its query, which may hold a token. */
export function shownUrl(url: URL): string {
  return shown(`${url.origin}${url.pathname}${url.search === '' ? '' : '?...'}`);
}

/** The day that something ends, and how many are left. */
export function shownEnd(end: Date, daysLeft: number): string {
  if (Number.isNaN(end.getTime())) return 'nobody can say when it expires';
  const day = end.toISOString().slice(0, 10);
  if (daysLeft < 0) return `expired ${day}, ${days(-daysLeft)} ago`;
  return `expires ${day}, in ${days(daysLeft)}`;
}

function days(count: number): string {
  return `${count.toLocaleString('en')} day${count === 1 ? '' : 's'}`;
}
