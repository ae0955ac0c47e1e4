import { INVALID_REQUEST, isClearId, PARSE_ERROR, plainAnswer, readMessage } from '../rpc.js';

const NO_MESSAGE = 'not a JSON-RPC message';
const UNCLEAR = 'the id of the request is a number that is not read as it is written: use a string';
const OF_LIST = 'another message of the list cannot be carried';

/**
 * Answers to a line that does not go on: one for each request in it, under its id as it is written, and one under
 * `null` for all else that is no message. Of a list nothing goes on where one message cannot.
 *
 * @param isWaiting whether a request with this id waits: its answer is still to come, and there is one only
 */
export function refuseLine(
  line: string,
  isWaiting: (id: string | number) => boolean,
): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return [plainAnswer(null, PARSE_ERROR, NO_MESSAGE)];
  }
  const answers = new Map<string, string>();
  if (!Array.isArray(value) || value.length === 0) {
    const [id, why] = refused(value, numbersAt('id', line)[0], isWaiting) ?? [];
    const code = id === undefined || id === 'null' ? PARSE_ERROR : INVALID_REQUEST;
    return [answer(id ?? 'null', code, why ?? NO_MESSAGE)];
  }
  const numbers = numbersAt('id', line);
  for (const [i, one] of value.entries()) {
    const [id, why] = refused(one, numbers[i], isWaiting) ?? [];
    if (id !== undefined && !answers.has(id)) {
      answers.set(id, answer(id, INVALID_REQUEST, why ?? OF_LIST));
    }
  }
  return [...answers.values()];
}

/** @returns the id as text, and why not if it lies with this message; `undefined` where nobody waits for an answer */
function refused(
  value: unknown,
  number: string | undefined,
  isWaiting: (id: string | number) => boolean,
): readonly [id: string, why: string | undefined] | undefined {
  const message = readMessage(value);
  if (message !== undefined && message.kind !== 'request') return undefined;
  const { id, method } = Object(value) as Readonly<Record<string, unknown>>;
  const isId = (typeof id === 'string' || typeof id === 'number') && typeof method === 'string';
  const why = message === undefined ? NO_MESSAGE : isClearId(id) ? undefined : UNCLEAR;
  if (!isId || isWaiting(id)) return ['null', why];
  return [typeof id === 'string' ? JSON.stringify(id) : (number ?? 'null'), why];
}

/** With an id that is JSON already: a number may not survive being read. */
function answer(id: string, code: number, message: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message })}}`;
}

/**
 * The text of the number that each object of a list, or the one object, has under `key`; the last one, if it is
 * there more than once, as JSON.parse has it.
 *
 * @param json that can be parsed
 */
function numbersAt(key: string, json: string): readonly (string | undefined)[] {
  const base = json.trimStart().startsWith('[') ? 1 : 0;
  const found: (string | undefined)[] = [];
  let [depth, member, last] = [0, 0, ''];
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const end = endOfString(json, at);
      // Escaped, each character takes six.
      last = end - at > 6 * key.length + 1 ? '' : JSON.parse(json.slice(at, end + 1));
      at = end;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (char === ',' && depth === base) member += 1;
    else if (char === ':' && depth === base + 1 && last === key) {
      found[member] = /^\s*(-?\d[\d.eE+-]*)/.exec(json.slice(at + 1, at + 1_000))?.[1];
    }
  }
  return found;
}

/** Of the quote that ends it. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
