import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsConnectionError } from '../errors.js';

/** The server ended the stream of an answer of itself, and the answer had not come. */
export function endedEarly(server: URL): TlsConnectionError {
  const { host, port } = addressOf(server);
  const message = `${atHost(host, port)}: ended the stream of an answer before the answer came`;
  const hint = 'The server may have been restarted: call again, and see its log.';
  return new TlsConnectionError('MCP_TLS_BAD_ANSWER', message, {
    host,
    port,
    hint,
    retryable: true,
  });
}

/** The server's answer to the request of a call is there in full, and that of the call is not in it. */
export function answeredWithout(server: URL): TlsConnectionError {
  const { host, port } = addressOf(server);
  const message = `${atHost(host, port)}: answered the request of a call without the answer to the call`;
  const hint = 'The server does not keep to MCP here: see its log.';
  return new TlsConnectionError('MCP_TLS_BAD_ANSWER', message, { host, port, hint });
}

/** A call was not answered within `timeout.totalMs`. */
export function callTimedOut(server: URL, ms: number): TlsConnectionError {
  const { host, port } = addressOf(server);
  const message = `${atHost(host, port)}: did not answer in time: not within ${ms} ms`;
  const hint = 'Check that the server is running, or raise `timeout.totalMs`.';
  return new TlsConnectionError('MCP_TLS_TIMEOUT', message, { host, port, hint });
}

/** The server did not take the message that a call was given up. */
export function cancellationTimedOut(server: URL, ms: number): TlsConnectionError {
  const { host, port } = addressOf(server);
  const message = `${atHost(host, port)}: did not accept a cancellation within ${ms} ms`;
  const hint = 'The call itself has ended here. Check that the server is running.';
  return new TlsConnectionError('MCP_TLS_TIMEOUT', message, { host, port, hint });
}
