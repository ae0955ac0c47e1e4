import { type AnyMcpTlsError, McpTlsError } from './errors.js';

/** Deeper than any library nests causes. */
const MAX_DEPTH = 16;

/** More than any library collects. An object of a peer's making has no errors of ours in it. */
const MAX_LOOKED_AT = 256;

/**
 * Finds our error in whatever a fetch, an MCP SDK or an OAuth flow rejected with: the error itself,
 * or one in its `cause`, in its `errors` (AggregateError), in its `event` (the SDK's SseError), or in its
 * `data` (the SDK's McpError, for a call whose connection was closed before its answer came).
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
  return find(error, 0, new Set());
}

function find(error: unknown, depth: number, seen: Set<unknown>): AnyMcpTlsError | undefined {
  if (error instanceof McpTlsError) return error;
  if (typeof error !== 'object' || error === null || depth === MAX_DEPTH) return undefined;
  if (seen.has(error) || seen.size === MAX_LOOKED_AT) return undefined;
  seen.add(error);
  for (const part of partsOf(error)) {
    const found = find(part, depth + 1, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function partsOf(error: object): readonly unknown[] {
  const parts = ['cause', 'event', 'data'].map((name) => read(error, name));
  const errors = read(error, 'errors');
  try {
    return Array.isArray(errors) ? [...parts, ...errors.slice(0, MAX_LOOKED_AT)] : parts;
  } catch {
    return parts;
  }
}

function read(object: object, name: string): unknown {
  try {
    return (object as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}
