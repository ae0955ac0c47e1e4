import { requestError } from './request-error.js';

/** Names in lower case and values, in turn, as a dispatcher takes them. */
export type HeaderList = readonly string[];

/**
 * The headers of a request, checked and normalised by the platform (Fetch Standard §5.1).
 *
 * @throws {TypeError} for a name or value that is none. The platform's message repeats the value,
 *   which may be a key (a file with two lines); ours names the header.
 */
export function readHeaders(init: RequestInit['headers']): string[] {
  const list: string[] = [];
  if (init === undefined) return list;
  // One that was checked already is only read: the MCP SDK brings one for every request.
  const headers = init instanceof Headers ? init : makeHeaders(init);
  for (const [name, value] of headers) list.push(name, value);
  return list;
}

function makeHeaders(init: unknown): Headers {
  try {
    return new Headers(init as never);
  } catch {
    throw requestError(wrongHeader(init));
  }
}

/** A method, or the name of a header (RFC 9110 §5.6.2, §9.1). */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function wrongHeader(init: unknown): string {
  const none = 'the headers are none: give a Headers, an object of names and values, or pairs';
  try {
    if (typeof init !== 'object' || init === null) return none;
    const list = Symbol.iterator in init;
    for (const pair of list ? (init as Iterable<unknown>) : Object.entries(init)) {
      const [name, value, ...more] = Array.from(pair as Iterable<unknown>);
      if (value === undefined || more.length > 0) return none;
      // Not repeated: where name and value were mixed up, it is the secret.
      if (!TOKEN.test(String(name)))
        return 'a header name is empty or has characters that a header name cannot have';
      if (!isValue(value)) {
        return `the value of the header '${name}' has characters that a header value cannot have, such as a line break`;
      }
    }
  } catch {
    // A getter or an iterator of the caller's that throws.
  }
  return none;
}

function isValue(value: unknown): boolean {
  try {
    new Headers([['x', value as string]]);
    return true;
  } catch {
    return false;
  }
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
