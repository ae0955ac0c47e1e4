import { type AnyMcpTlsError, isMcpTlsError } from './errors.js';

/** Deeper than any library nests causes. */
const MAX_DEPTH = 16;

/**
 * Finds our error in whatever a fetch, an MCP SDK or an OAuth flow rejected with: the error itself,
 * or one in its `cause`, in its `errors` (AggregateError), in its `event` (the SDK's SseError), or in its
 * `data` (the SDK's McpError, for a call whose connection was closed before its answer came).
 *
 * @returns `undefined` if there is none of ours in it
 * @example
 * try { await client.connect(transport) } catch (error) {
 *   const ours = explainTlsError(error);
 *   if (ours) console.error(ours.code, ours.message);
 * }
 */
export function explainTlsError(error: unknown): AnyMcpTlsError | undefined {
  return find(error, 0);
}

function find(error: unknown, depth: number): AnyMcpTlsError | undefined {
  if (isMcpTlsError(error)) return error;
  if (typeof error !== 'object' || error === null || depth === MAX_DEPTH) return undefined;
  const { cause, data, errors, event } = error as Partial<Record<string, unknown>>;
  for (const part of [cause, event, data, ...(Array.isArray(errors) ? errors : [])]) {
    const found = find(part, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
