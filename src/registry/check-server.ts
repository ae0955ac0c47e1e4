import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import type { Inspection } from '../connect/fetch-peer-certificate.js';
import { untilAborted } from '../connect/limit.js';
import { type ErrorCode, TlsConnectionError } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { ClientLike } from '../transports/client-like.js';
import { HttpPing } from './ping/http-ping.js';
import { pingMcp } from './ping/ping-mcp.js';
import { HttpStatusError } from './ping/ping-transport.js';
import { SsePing } from './ping/sse-ping.js';
import { daysUntil, type ShownClientCertificate } from './shown-client-certificate.js';
import type { RegisteredLinkOptions, ServerCheck, ServerCheckOptions } from './types.js';

/** What a server can be asked over: its endpoint, and clients of it. */
export interface CheckLink {
  readonly url: URL;
  /** A client of its own for each transport that is tried. */
  readonly open: () => ClientLike;
}

export interface CheckDeps {
  /** Of the record. */
  readonly url: string;
  readonly clientCertificate: ShownClientCertificate | undefined;
  readonly sources: ServerCheck['sources'];
  readonly sourceError: ServerCheck['sourceError'];
  /** For a server that says in HTTP that it does not take that, or misses one. */
  readonly clientRefused: () => TlsConnectionError;
  /** When the check began, by `performance.now()`: the time to read the record is in it. */
  readonly startedAt: number;
  readonly link: (options: RegisteredLinkOptions) => Promise<CheckLink>;
  /** Connects once under the trust on record, and sends nothing. */
  readonly inspect: (signal: AbortSignal) => Promise<Inspection>;
}

/** Nobody was reached. Under any other code somebody answered. */
export const UNREACHED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_UNREACHABLE',
  'MCP_TLS_TIMEOUT',
  'MCP_TLS_PROXY_FAILED',
  'MCP_TLS_ADDRESS_REFUSED',
]);

/** The same, and where nobody was asked. */
const NOT_MET: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...UNREACHED,
  'MCP_TLS_SOURCE_UNUSABLE',
]);

/**
 * Asks one server for a sign of life. Both transports and the inspection together have `timeoutMs`, counted
 * from `startedAt`. Rejects only for one that is not registered, and when it is aborted.
 */
export async function checkServer(
  id: string,
  deps: CheckDeps,
  options: ServerCheckOptions,
): Promise<ServerCheck> {
  const { timeoutMs = 10_000, signal, ...given } = options;
  signal?.throwIfAborted();
  const limit = new CheckLimit(deps, timeoutMs, signal);
  try {
    const link = await untilAborted(deps.link(given), limit.signal);
    // What the server presents now, and the verdict on it: an answer in another language, or silence, leaves
    // open whether the server is the right one. Asked meanwhile: silence takes all the time there is.
    const inspecting = untilAborted(deps.inspect(limit.signal), limit.signal);
    inspecting.catch(() => {});
    const asked = await ask(deps, link, limit);
    if (explainTlsError(asked.error)?.code === 'MCP_TLS_NOT_REGISTERED') {
      throw explainTlsError(asked.error);
    }
    const inspected = await inspecting.catch((failure: unknown) => ({ failure }));
    signal?.throwIfAborted();
    return Object.freeze({
      id,
      ...judged(asked, inspected),
      clientCertificate: deps.clientCertificate,
      sources: deps.sources,
      sourceError: deps.sourceError,
      durationMs: performance.now() - deps.startedAt,
    });
  } finally {
    limit.end();
  }
}

/** What became of the pings. */
interface Asked {
  readonly mcp: ServerCheck['mcp'];
  readonly error: unknown;
}

/** Over streamable HTTP, and where the server may be of the other transport, over SSE. */
async function ask(
  deps: CheckDeps,
  { url, open }: CheckLink,
  { signal, throwIfCancelled }: CheckLimit,
): Promise<Asked> {
  let first: unknown;
  try {
    await onceMore(() => pingMcp(new HttpPing(url, open()), signal));
    return { mcp: 'streamable-http', error: undefined };
  } catch (error) {
    throwIfCancelled();
    first = error;
  }
  const status = statusOf(first);
  if (status === 401) return unauthorized(deps, first);
  if (first instanceof HttpStatusError && first.isAboutClientCertificate) {
    return { mcp: undefined, error: deps.clientRefused() };
  }
  if (!isOtherTransport(status)) return { mcp: undefined, error: first };
  try {
    await pingMcp(new SsePing(url, open()), signal);
    return { mcp: 'sse', error: undefined };
  } catch (error) {
    throwIfCancelled();
    if (statusOf(error) === 401) return unauthorized(deps, error);
    // Where there is no event stream either, it is not of that transport: what it said first says more.
    return { mcp: undefined, error: statusOf(error) === undefined ? error : first };
  }
}

function unauthorized({ url }: CheckDeps, cause: unknown): Asked {
  const { host, port } = addressOf(new URL(url));
  const message = `${atHost(host, port)}: wants authorization (401): give \`auth\` or \`headers\` to the check, to see more`;
  return { mcp: 'unauthorized', error: new Error(message, { cause }) };
}

type Inspected = Inspection | { readonly failure: unknown };

function judged(
  { mcp, error: pingError }: Asked,
  inspected: Inspected,
): Omit<ServerCheck, 'id' | 'durationMs' | 'clientCertificate' | 'sources' | 'sourceError'> {
  let error = pingError;
  const [inspection, failure] =
    'failure' in inspected ? [undefined, inspected.failure] : [inspected, undefined];
  const isOurs = explainTlsError(error) !== undefined;
  if (failure !== undefined && mcp === undefined && !isOurs) error = failure;
  const refusal = inspection?.look.refusal;
  const trusted = mcp !== undefined || (inspection !== undefined && refusal === undefined);
  if (!trusted && refusal !== undefined && !isOurs) error = refusal;
  const code = explainTlsError(error)?.code;
  const peer = inspection?.peer;
  return {
    ok: mcp !== undefined && mcp !== 'unauthorized',
    reachable: trusted || peer !== undefined || code === undefined || !NOT_MET.has(code),
    trusted,
    mcp,
    daysLeft: peer && daysUntil(peer.description.notAfter, new Date()),
    fingerprint: peer?.description.fingerprint,
    remarks: peer?.remarks ?? [],
    error,
    code,
  };
}

/** The time of one check: its signal aborts when that is over, or when the caller's does. */
class CheckLimit {
  readonly #ending = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #timeoutMs: number;
  readonly #url: string;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#ending.abort(this.#caller?.reason);

  /** @param timeoutMs 0: none */
  constructor({ url, startedAt }: CheckDeps, timeoutMs: number, caller: AbortSignal | undefined) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    caller?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeoutMs === 0) return;
    const leftMs = Math.max(0, startedAt + timeoutMs - performance.now());
    this.#timer = setTimeout(() => this.#ending.abort(this.#timedOut()), leftMs);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  readonly throwIfCancelled = (): void => this.#caller?.throwIfAborted();

  /** Ends what still goes on. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
    this.#ending.abort();
  }

  #timedOut(): TlsConnectionError {
    const { host, port } = addressOf(new URL(this.#url));
    const message = `${atHost(host, port)}: no answer to a ping within ${this.#timeoutMs} ms`;
    const hint = 'Check that the server is running, or raise `timeoutMs`.';
    return new TlsConnectionError('MCP_TLS_TIMEOUT', message, { host, port, hint });
  }
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

/** The HTTP status that a ping was refused with. */
function statusOf(error: unknown): number | undefined {
  return error instanceof HttpStatusError ? error.status : undefined;
}

/** The server answered, and not as one of Streamable HTTP does (MCP 2025-06-18, Backwards Compatibility). */
function isOtherTransport(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500;
}
