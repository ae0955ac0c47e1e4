import type { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Inspection } from '../connect/fetch-peer-certificate.js';
import type { ErrorCode } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';
import { pingMcp } from './ping-mcp.js';
import { daysUntil } from './registered-server.js';
import type {
  RegistrySseOptions,
  RegistryStreamableHttpOptions,
  ServerCheck,
  ServerCheckOptions,
} from './types.js';

export interface CheckParts {
  /** Of the record. */
  readonly url: string;
  readonly streamableHttp: (
    options: RegistryStreamableHttpOptions,
  ) => Promise<StreamableHTTPClientTransport>;
  readonly sse: (options: RegistrySseOptions) => Promise<SSEClientTransport>;
  /** Connects once under the trust on record, and sends nothing. */
  readonly inspect: (signal: AbortSignal | undefined) => Promise<Inspection>;
}

/** Nobody was reached. Under any other code somebody answered. */
export const UNREACHED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_UNREACHABLE',
  'MCP_TLS_TIMEOUT',
  'MCP_TLS_PROXY_FAILED',
  'MCP_TLS_ADDRESS_REFUSED',
]);

/** Asks one server for a sign of life. Rejects only for one that is not registered, and when it is aborted. */
export async function checkServer(
  id: string,
  parts: CheckParts,
  options: ServerCheckOptions,
): Promise<ServerCheck> {
  const { timeoutMs = 10_000, signal, ...link } = options;
  signal?.throwIfAborted();
  const limit = { timeoutMs, signal };
  const startedAt = performance.now();
  let mcp: ServerCheck['mcp'];
  let error: unknown;
  try {
    await onceMore(async () => pingMcp(await parts.streamableHttp(link), limit, parts.url));
    mcp = 'streamable-http';
  } catch (first) {
    error = first;
    signal?.throwIfAborted();
    if (isOtherTransport(first)) {
      try {
        await pingMcp(await parts.sse(link), limit, parts.url);
        [mcp, error] = ['sse', undefined];
      } catch (second) {
        error = second;
      }
    }
  }
  signal?.throwIfAborted();
  const durationMs = performance.now() - startedAt;
  if (explainTlsError(error)?.code === 'MCP_TLS_NOT_REGISTERED') throw explainTlsError(error);
  // What the server presents now, and the verdict on it: an answer in another language, or silence, leaves
  // open whether the server is the right one.
  const inspection = await parts.inspect(signal).catch((failure) => {
    if (mcp === undefined && explainTlsError(error) === undefined) error = failure;
    return undefined;
  });
  signal?.throwIfAborted();
  const refusal = inspection?.look.refusal;
  const trusted = mcp !== undefined || (inspection !== undefined && refusal === undefined);
  if (!trusted && refusal !== undefined && explainTlsError(error) === undefined) error = refusal;
  const code = explainTlsError(error)?.code;
  const peer = inspection?.peer;
  return Object.freeze({
    id,
    ok: mcp !== undefined,
    reachable: trusted || peer !== undefined || code === undefined || !UNREACHED.has(code),
    trusted,
    mcp,
    daysLeft: peer && daysUntil(peer.description.notAfter, new Date()),
    fingerprint: peer?.description.fingerprint,
    durationMs,
    error,
    code,
  });
}

/**
 * A server that was restarted has left dead connections in the pool, which say nothing about the
 * server that is there now: it is asked over a new one before it is called unreachable.
 */
async function onceMore(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (explainTlsError(error)?.code !== 'MCP_TLS_UNREACHABLE') throw error;
    await ask();
  }
}

/** The server answered, and not as one of Streamable HTTP does (MCP 2025-06-18, Backwards Compatibility). */
function isOtherTransport(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' && code >= 400 && code < 500 && code !== 401;
}
