/** Names in lower case and values, in turn, as a dispatcher takes them. */
export type HeaderList = readonly string[];

/**
 * The headers of a request, checked and normalised by the platform (Fetch Standard §5.1).
 *
 * @throws {TypeError} for a name or value that is none
 */
export function readHeaders(init: RequestInit['headers']): string[] {
  const list: string[] = [];
  if (init === undefined || init === null) return list;
  // One that was checked already is only read: the MCP SDK brings one for every request.
  const headers = init instanceof Headers ? init : new Headers(init);
  for (const [name, value] of headers) list.push(name, value);
  return list;
}

export function hasHeader(list: HeaderList, name: string): boolean {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
  return false;
}

/** Adds those of `defaults` whose name is not in `list`; of one name, all. */
export function addMissing(list: string[], defaults: HeaderList): void {
  const given = list.length;
  for (let i = 0; i < defaults.length; i += 2) {
    const [name, value] = [defaults[i] as string, defaults[i + 1] as string];
    let present = false;
    for (let j = 0; j < given; j += 2) present ||= list[j] === name;
    if (!present) list.push(name, value);
  }
}
