import { brief, printable } from '../certificate/printable.js';

/**
 * What a peer, a file or the command line named, as it goes to a terminal: no character that a terminal acts
 * upon or that turns the direction of writing, and no more than a sentence has room for.
 */
export function shown(text: string): string {
  return brief(printable(text));
}

/** A URL as far as it is no secret: without its query, which may hold a token. */
export function shownUrl(url: URL): string {
  return shown(`${url.origin}${url.pathname}${url.search === '' ? '' : '?...'}`);
}
