import { type AnyMcpTlsError, McpTlsError } from './errors.js';

/** Deeper than any library nests causes. */
const MAX_DEPTH = 128;

/** More members of one AggregateError than any library collects. */
const MAX_MEMBERS = 10_000;

/** A thousand members with a hundred causes each. An object of a peer's making has no errors of ours in it. */
const MAX_LOOKED_AT = 100_000;

/**
 * Where one error holds another: `cause`; the SDK's SseError in `event`, and its McpError, for a call whose
 * connection was closed before its answer came, in `data`; a SuppressedError in `error` and `suppressed`.
 */
const PARTS = ['cause', 'event', 'data', 'error', 'suppressed'] as const;

/**
 * Finds our error in what a fetch, an MCP SDK or an OAuth flow rejected with: the error itself,
 * or one in its `cause`, in its `errors` (AggregateError), in its `error` or `suppressed` (SuppressedError), in
 * its `event` (the SDK's SseError), or in its `data` (the SDK's McpError).
 *
 * Where there are several, one that is `refused` goes before all others, wherever it stands: a host that
 * races two transports must not retry because the other one was only unreachable. Among equals it is the
 * one nearest to the surface. Looks 128 deep, and at 100,000 objects at most.
 *
 * Never throws, whatever it is given: a proxy, a getter that throws, a circle.
 *
 * @returns `undefined` if there is none of ours in it
 * @example
 * try { await client.connect(transport) } catch (error) {
 *   const ours = explainTlsError(error);
 *   if (ours?.refused) console.error(ours.message, ours.hint); // a person has to look
 * }
 */
export function explainTlsError(error: unknown): AnyMcpTlsError | undefined {
  let found: AnyMcpTlsError | undefined;
  const seen = new Set<unknown>();
  const budget = { members: MAX_LOOKED_AT };
  // One level after the other.
  let level: unknown[] = [error];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const one of level) {
      if (typeof one !== 'object' || one === null || seen.has(one)) continue;
      if (seen.size === MAX_LOOKED_AT) return found;
      seen.add(one);
      if (one instanceof McpTlsError) {
        if (read(one, 'refused') === true) return one;
        found ??= one;
      }
      addParts(one, next, budget);
    }
    level = next;
  }
  return found;
}

/** Adds what `error` holds. The budget is of all arrays together: a member counts, whatever it is. */
function addParts(error: object, to: unknown[], budget: { members: number }): void {
  if (to.length >= MAX_LOOKED_AT) return;
  for (const name of PARTS) {
    const part = read(error, name);
    if (typeof part === 'object' && part !== null) to.push(part);
  }
  const errors = read(error, 'errors');
  if (!isArray(errors)) return;
  const length = Math.min(lengthOf(errors), MAX_MEMBERS, budget.members);
  budget.members -= length;
  for (let i = 0; i < length; i++) to.push(read(errors, i));
}

/** `Array.isArray` throws for a proxy that was revoked. */
function isArray(value: unknown): value is object {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** 0 for a length that is none. */
function lengthOf(array: object): number {
  const length = read(array, 'length');
  return typeof length === 'number' && length > 0 ? length : 0;
}

function read(object: object, name: string | number): unknown {
  try {
    return (object as Readonly<Record<string | number, unknown>>)[name];
  } catch {
    return undefined;
  }
}
