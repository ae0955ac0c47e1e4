import type { TLSSocket } from 'node:tls';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import {
  atHost,
  type ConnectFailure,
  clientRefused,
  toConnectionError,
} from './connection-error.js';
import { untilAborted } from './limit.js';

/**
 * How long to wait, after a handshake in which the server asked for a client certificate, for it to say
 * that it is not content: it may do so only after our Finished (RFC 8446 §4.4.2.4), and a Node.js server
 * says nothing at all and closes.
 */
const GRACE_MS = 150;

/** How long to wait for the answer to a request, and how much of it to read. */
const ANSWER_MS = 2_000;
const MAX_ANSWER_BYTES = 4_096;

export interface ClientCertificateTarget {
  readonly host: string;
  readonly port: number;
  readonly policy: CheckedTrustPolicy;
  /** See `LookRequest`. */
  readonly path?: string | undefined;
}

/**
 * Whether a server that asked for a client certificate refuses the one that it was given, or that it was
 * given none. For connections that will be closed: what is sent and read here is lost to others.
 *
 * @returns `undefined` if it does not, as far as can be seen
 * @throws the signal's reason
 */
export async function clientCertificateRefusal(
  socket: TLSSocket,
  target: ClientCertificateTarget,
  signal: AbortSignal,
): Promise<ConnectFailure | undefined> {
  const ended = await endOf(socket, GRACE_MS, signal);
  if (ended !== undefined) return refusedError(target, ended.error);
  if (target.path === undefined) return undefined;
  const answer = await answerTo(socket, target, signal);
  if (answer === undefined) return refusedError(target, undefined);
  return REFUSING.test(answer) ? refusedError(target, undefined) : undefined;
}

/**
 * nginx answers 400 (its 495 and 496, which some configurations show) with one of these two titles, and
 * completes the handshake in any case.
 */
const REFUSING =
  /^HTTP\/1\.[01] (?:49[56]\b|400\b[\s\S]*(?:No required SSL certificate was sent|The SSL certificate error))/;

/** The same of an answer that was read already. @param text of its beginning */
export function refusesClientCertificate(status: number, text: string): boolean {
  return REFUSING.test(`HTTP/1.1 ${status} ${text}`);
}

/** How the connection ended within `ms`; `undefined`: it is open. */
async function endOf(
  socket: TLSSocket,
  ms: number,
  signal: AbortSignal,
): Promise<{ readonly error: unknown } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<{ error: unknown } | undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
    socket.once('error', (error) => resolve({ error }));
    socket.once('close', () => resolve({ error: undefined }));
    socket.once('end', () => resolve({ error: undefined }));
  });
  // An end is noticed only while somebody reads.
  socket.resume();
  try {
    return await untilAborted(ended, signal);
  } finally {
    clearTimeout(timer);
    socket.pause();
  }
}

/** What the server answers to a GET; `undefined` if it closes instead; empty if it says nothing in time. */
async function answerTo(
  socket: TLSSocket,
  { host, port, path }: ClientCertificateTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const answered = new Promise<string | undefined>((resolve) => {
    let text = '';
    timer = setTimeout(() => resolve(text), ANSWER_MS);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length > MAX_ANSWER_BYTES) resolve(text);
    });
    const end = (): void => resolve(text === '' ? undefined : text);
    socket.once('end', end).once('close', end).once('error', end);
  });
  socket.resume();
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${atHost(host, port)}\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  );
  try {
    return await untilAborted(answered, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** @param cause an alert, where there was one */
function refusedError(
  { host, port, policy }: ClientCertificateTarget,
  cause: unknown,
): ConnectFailure {
  const { clientCertificate } = policy;
  if (cause !== undefined) {
    const error = toConnectionError(cause, { host, port, sawCertificate: true, clientCertificate });
    if (error.code !== 'MCP_TLS_UNREACHABLE') return error;
  }
  return clientRefused({ host, port, clientCertificate }, cause);
}
