/** A URL without its fragment, and otherwise as it is: `search` does not show a `?` with nothing behind it. */
export function withoutFragment({ href }: URL): string {
  const end = href.indexOf('#');
  return end === -1 ? href : href.slice(0, end);
}

/** What of a URL without credentials is sent: path and query. */
export function pathOf(url: URL, origin: string): string {
  return withoutFragment(url).slice(origin.length);
}
