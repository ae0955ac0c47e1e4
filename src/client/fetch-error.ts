import { addressOf } from '../connect/address-of.js';
import { atHost, toConnectionError } from '../connect/connection-error.js';
import { brokenOff, type Peer } from '../connect/peer-of.js';
import { McpTlsError, TlsConfigError, TlsConnectionError } from '../errors.js';
import { requestError } from './request-error.js';

/** Fetch errors are TypeErrors; "fetch failed" alone explains nothing, so the reason goes on. */
export function failed(error: Error): TypeError {
  return new TypeError(`fetch failed: ${error.message}`, { cause: error });
}

export function closedError(message: string): TlsConfigError {
  return new TlsConfigError('MCP_TLS_CLOSED', message);
}

/**
 * What a fetch rejects with, and its body fails with: whatever `error` is, a TypeError whose cause is
 * ours. The one place through which everything leaves, but for the reason of the caller's own abort.
 */
export function toFetchError(error: unknown, url: URL, ending?: Ending): TypeError {
  if (error instanceof TypeError && error.cause instanceof McpTlsError) return error;
  if (error instanceof McpTlsError) {
    const callers = error.code === 'MCP_TLS_INVALID_ARGUMENT';
    return callers ? new TypeError(error.message, { cause: error }) : failed(error);
  }
  const { code, name } = readError(error);
  if (CALLERS_MISTAKE.has(code)) {
    const what = `the request cannot be sent: a header or its length is refused (${code})`;
    return toFetchError(requestError(what), url);
  }
  // undici asserts what it takes for granted of an answer: a status of 000, an upgrade that names nothing.
  if (code === 'ERR_ASSERTION') return badAnswer(url, 'sent an answer that is not valid HTTP/1.1');
  // What has neither is nothing that a network or a server does.
  if (code === '' && name !== 'HTTPParserError') return failed(runtimeError(name, error));
  return failed(
    ending === undefined
      ? toConnectionError(error, addressOf(url))
      : brokenOff(error, ending.peer, ending.isFresh),
  );
}

/** What is known of the connection that an error is about. */
export interface Ending {
  readonly peer: Peer;
  /** Whether nothing was answered over it. */
  readonly isFresh: boolean;
}

/** The caller's own body failed. Why is in the cause: it is the caller's, and may say anything. */
export function bodyError(cause: unknown): TlsConfigError {
  return requestError('the body of the request failed while it was read', cause);
}

/** It answered, and not as HTTP has it. Without the answer: it may reflect what was sent. */
export function badAnswer(url: URL, what: string): TypeError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: ${what}`;
  const hint =
    'The fault is on the side of the server, or of what stands before it: ask its operator.';
  return failed(new TlsConnectionError('MCP_TLS_BAD_ANSWER', message, { host, port, hint }));
}

/** No connection was made: there are as many as there may be. */
export function allInUse(url: URL, ms: number): TypeError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: all connections that it may have were in use for ${ms} ms`;
  const hint =
    'Streams that never end hold one each: end those that nobody reads, or raise maxConnections.';
  return failed(new TlsConnectionError('MCP_TLS_TIMEOUT', message, { host, port, hint }));
}

/** Nothing was sent: it was not known in time whom to trust. */
export function lookUpTimedOut(url: URL, ms: number): TypeError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: the trust function did not answer within ${ms} ms`;
  const hint =
    'The server was not asked: see what the function waits for, or raise timeout.totalMs.';
  return failed(new TlsConnectionError('MCP_TLS_TIMEOUT', message, { host, port, hint }));
}

const CALLERS_MISTAKE = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

function readError(error: unknown): { readonly code: string; readonly name: string } {
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  return {
    code: typeof code === 'string' ? code : '',
    name: typeof name === 'string' ? name.slice(0, 40) : typeof error,
  };
}

function runtimeError(name: string, cause: unknown): TlsConfigError {
  const message = `the HTTP library or the runtime failed (${name}): the server is not at fault`;
  return new TlsConfigError('MCP_TLS_UNSUPPORTED_RUNTIME', message, { cause });
}
