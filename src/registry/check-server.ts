import type { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { assertKnownKeys, assertMs } from '../assert.js';
import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import type { ErrorCode } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';
import { daysUntil } from './known-server.js';
import { pingMcp } from './ping-mcp.js';
import type { RegistrySseOptions, RegistryStreamableHttpOptions } from './server-registry.js';

/** Options of `ServerRegistry.check`. */
export interface ServerCheckOptions
  extends Pick<RegistryStreamableHttpOptions, 'headers' | 'auth' | 'endpoint'> {
  /** Limit for each way of asking, in milliseconds; 0 for none. Default 10,000. */
  readonly timeout?: number | undefined;
}

/** What a check found. */
export interface ServerCheck {
  readonly id: string;
  /** Reachable, trusted and answering in MCP. */
  readonly ok: boolean;
  readonly reachable: boolean;
  readonly trusted: boolean;
  /** The transport that a ping was answered over. */
  readonly mcp: 'streamable-http' | 'sse' | undefined;
  /** Of the certificate that the server presents now; `undefined` if it shows none. */
  readonly daysLeft: number | undefined;
  readonly fingerprint: string | undefined;
  readonly milliseconds: number;
  /** Why it is not ok. `code` is set where the reason is one of ours. */
  readonly error: unknown;
  readonly code: ErrorCode | undefined;
}

export interface CheckParts {
  readonly streamableHttp: (
    options: RegistryStreamableHttpOptions,
  ) => Promise<StreamableHTTPClientTransport>;
  readonly sse: (options: RegistrySseOptions) => Promise<SSEClientTransport>;
  readonly inspect: () => Promise<PeerCertificate>;
  /** Connects with the trust on record, and sends nothing. */
  readonly verify: () => Promise<void>;
}

/** Nobody was reached. Under any other code somebody answered. */
export const UNREACHED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_UNREACHABLE',
  'MCP_TLS_TIMEOUT',
  'MCP_TLS_PROXY_FAILED',
  'MCP_TLS_ADDRESS_REFUSED',
]);

/** Asks one server for a sign of life. Rejects only for a server that is not registered. */
export async function checkServer(
  id: string,
  parts: CheckParts,
  options: ServerCheckOptions,
): Promise<ServerCheck> {
  const { timeout = 10_000, headers, auth, endpoint } = options;
  assertKnownKeys('options', options, ['timeout', 'headers', 'auth', 'endpoint']);
  assertMs('options.timeout', timeout);
  const startedAt = performance.now();
  const link = { headers, auth, endpoint };
  let mcp: ServerCheck['mcp'];
  let error: unknown;
  try {
    await onceMore(async () => pingMcp(await parts.streamableHttp(link), timeout));
    mcp = 'streamable-http';
  } catch (first) {
    error = first;
    if (isOtherTransport(first)) {
      try {
        await pingMcp(await parts.sse(link), timeout);
        [mcp, error] = ['sse', undefined];
      } catch (second) {
        error = second;
      }
    }
  }
  const milliseconds = performance.now() - startedAt;
  if (explainTlsError(error)?.code === 'MCP_TLS_NOT_REGISTERED') throw explainTlsError(error);
  let trusted = mcp !== undefined;
  if (!trusted && explainTlsError(error) === undefined) {
    // An answer in another language, or silence: whether the server is the right one is still open.
    try {
      await parts.verify();
      trusted = true;
    } catch (refusal) {
      error = refusal;
    }
  }
  const code = explainTlsError(error)?.code;
  // The client does not show what was presented; the verdict above does not rest on this.
  const peer = await parts.inspect().catch(() => undefined);
  return Object.freeze({
    id,
    ok: mcp !== undefined,
    reachable: trusted || peer !== undefined || code === undefined || !UNREACHED.has(code),
    trusted,
    mcp,
    daysLeft: peer && daysUntil(peer.description.notAfter, new Date()),
    fingerprint: peer?.description.fingerprint,
    milliseconds,
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
