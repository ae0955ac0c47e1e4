import type { Socket } from 'node:net';
import { McpTlsError, TlsConnectionError } from '../errors.js';
import { atHost, isConnectFailure, toConnectionError } from './connection-error.js';
import { dial, wayTo } from './dial.js';
import { untilAborted } from './limit.js';
import type { ProxyServer } from './proxy.js';
import { hintFor407 } from './proxy-authenticate.js';
import { addressesOf } from './resolve.js';
import { verified } from './verified.js';

/** More than any proxy says before it lets bytes through. */
const MAX_HEAD_BYTES = 16_384;

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a tunnel to `host:port` through a proxy (CONNECT, RFC 9110 §9.3.6). An https proxy is verified
 * under its own policy before it learns where we want to go.
 *
 * @throws {TlsConnectionError} `MCP_TLS_PROXY_FAILED`; `refused` where the proxy is not trusted
 * @throws the signal's reason
 */
export async function openTunnel(
  proxy: ProxyServer,
  target: Endpoint,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await connectProxy(proxy, target, signal);
  try {
    const answer = readHead(socket);
    socket.write(connectRequest(proxy, target));
    const { head, rest } = await untilAborted(answer, signal);
    assertTunnel(proxy, target, head, rest);
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted || error instanceof McpTlsError) throw error;
    if (error instanceof BadAnswer)
      throw proxyFailed(proxy, target, error.message, { hint: NOT_A_PROXY });
    throw proxyFailed(proxy, target, 'aborted the connection', {
      hint: UNREACHABLE,
      cause: error,
      retryable: true,
    });
  }
}

async function connectProxy(
  proxy: ProxyServer,
  target: Endpoint,
  signal: AbortSignal,
): Promise<Socket> {
  const { host, port, secure } = proxy;
  signal.throwIfAborted();
  if (secure === undefined) return connectPlainProxy(proxy, target, signal);
  try {
    const way = (giveUp: AbortSignal) => wayToProxy(proxy, giveUp);
    return (await verified({ host, port, ...secure }, way, signal)).socket;
  } catch (error) {
    if (signal.aborted || !isConnectFailure(error)) throw error;
    const { hint, refused, retryable, message } = error;
    const why = `${refused ? 'is not trusted' : 'cannot be used'}: ${message}`;
    throw proxyFailed(proxy, target, why, { hint, refused, retryable, cause: error });
  }
}

async function wayToProxy({ host, port }: ProxyServer, signal: AbortSignal) {
  try {
    return await wayTo(await untilAborted(addressesOf(host), signal), { port }, signal);
  } catch (error) {
    throw signal.aborted ? error : toConnectionError(error, { host, port });
  }
}

async function connectPlainProxy(
  proxy: ProxyServer,
  target: Endpoint,
  signal: AbortSignal,
): Promise<Socket> {
  const { host, port } = proxy;
  try {
    const socket = await dial(await untilAborted(addressesOf(host), signal), { port }, signal);
    return socket.setNoDelay(true);
  } catch (error) {
    if (signal.aborted) throw error;
    const cause = toConnectionError(error, { host, port });
    throw proxyFailed(proxy, target, 'cannot be reached', {
      hint: UNREACHABLE,
      cause,
      retryable: true,
    });
  }
}

function connectRequest({ authorization }: ProxyServer, { host, port }: Endpoint): string {
  const at = atHost(host, port);
  const credentials = authorization();
  return [
    `CONNECT ${at} HTTP/1.1`,
    `Host: ${at}`,
    ...(credentials === undefined ? [] : [`Proxy-Authorization: ${credentials}`]),
    '',
    '',
  ].join('\r\n');
}

class BadAnswer extends Error {}

/** The head of the proxy's answer, and what came behind it. The socket is paused then. */
function readHead(socket: Socket): Promise<{ readonly head: string; readonly rest: number }> {
  const answer = new Promise<{ head: string; rest: number }>((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1 && bytes.length <= MAX_HEAD_BYTES) return;
      socket.off('data', onData).off('error', reject).off('close', onClose).pause();
      if (end === -1) reject(new BadAnswer('answers with too large a head'));
      else resolve({ head: bytes.toString('latin1', 0, end), rest: bytes.length - end - 4 });
    };
    const onClose = (): void => reject(new BadAnswer('closed the connection'));
    socket.on('data', onData).on('error', reject).on('close', onClose);
  });
  // Awaited only after the request was written.
  answer.catch(() => {});
  return answer;
}

function assertTunnel(proxy: ProxyServer, target: Endpoint, head: string, rest: number): void {
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1];
  if (status === undefined) throw new BadAnswer('does not speak HTTP');
  const gaveCredentials = proxy.authorization() !== undefined;
  if (status === '407') {
    const hint = hintFor407(head, gaveCredentials);
    throw proxyFailed(proxy, target, 'requires authentication (407)', { hint });
  }
  if (!status.startsWith('2')) {
    const hint =
      status === '401'
        ? 'Some proxies (tinyproxy) answer so to a user name or password that is not right, or missing: check proxy.auth.'
        : 'Ask the operator of the proxy to allow this host and port.';
    throw proxyFailed(proxy, target, `refuses to connect (${status})`, { hint });
  }
  // TLS clients speak first: bytes behind the head are nobody's that we want to talk to.
  if (rest > 0) throw new BadAnswer('sends data into the tunnel');
}

function proxyFailed(
  proxy: ProxyServer,
  target: Endpoint,
  why: string,
  details: {
    readonly hint: string | undefined;
    readonly cause?: unknown;
    readonly refused?: boolean;
    readonly retryable?: boolean;
  },
): TlsConnectionError {
  const message = `${atHost(target.host, target.port)}: the proxy ${atHost(proxy.host, proxy.port)} ${why}`;
  const { host, port } = target;
  return new TlsConnectionError('MCP_TLS_PROXY_FAILED', message, {
    retryable: false,
    ...details,
    host,
    port,
  });
}

const NOT_A_PROXY = 'Check that the address is that of an HTTP proxy which allows CONNECT.';
const UNREACHABLE = 'Check the address of the proxy, and that it is running.';
