import { connect as connectTcp, type Socket } from 'node:net';
import { TlsTrustError } from '../errors.js';
import { atHost, toConnectionError } from './connection-error.js';
import { openVerified } from './open-verified.js';
import type { ProxyServer } from './proxy.js';

export type TunnelCallback = (
  ...result: [error: TlsTrustError, socket: null] | [error: null, socket: Socket]
) => void;

/** More than any proxy says before it lets bytes through. */
const MAX_HEAD_BYTES = 16_384;

/**
 * Opens a tunnel to `host:port` through a proxy. An https proxy is verified under its own policy
 * before it learns where we want to go.
 *
 * @returns breaks the attempt off; does nothing once it has called back
 */
export function openTunnel(
  proxy: ProxyServer,
  target: { readonly host: string; readonly port: number },
  callback: TunnelCallback,
): () => void {
  const at = atHost(target.host, target.port);
  let done = false;
  let abandon = (): void => {};

  const fail = (why: string, hint: string, cause?: unknown): void => {
    if (done) return;
    done = true;
    abandon();
    const details = { ...target, hint, cause };
    const message = `${at}: the proxy ${atHost(proxy.host, proxy.port)} ${why}`;
    callback(new TlsTrustError('MCP_TLS_PROXY_FAILED', message, details), null);
  };

  const ask = (socket: Socket): void => {
    abandon = () => socket.on('error', () => {}).destroy();
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) {
        if (head.length > MAX_HEAD_BYTES) fail('answers at endless length', NOT_A_PROXY);
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(head.toString('latin1', 0, end))?.[1];
      if (status === undefined) fail('does not speak HTTP', NOT_A_PROXY);
      else if (status === '407')
        fail(
          'demands authentication (407)',
          'Give proxy.auth, or a user name and password in the URL of the proxy.',
        );
      else if (!status.startsWith('2'))
        fail(
          `refuses to connect (${status})`,
          'Ask the operator of the proxy to allow this host and port.',
        );
      // TLS clients speak first: bytes behind the head are nobody's that we want to talk to.
      else if (head.length > end + 4) fail('sends data into the tunnel', NOT_A_PROXY);
      else {
        done = true;
        socket.off('data', onData).off('error', onError).off('close', onClose).pause();
        callback(null, socket);
      }
    };
    const onError = (error: Error): void => fail('broke the connection off', UNREACHABLE, error);
    const onClose = (): void => fail('closed the connection', NOT_A_PROXY);
    socket.on('data', onData).on('error', onError).on('close', onClose);
    const authorization = proxy.authorization();
    socket.write(
      [
        `CONNECT ${at} HTTP/1.1`,
        `Host: ${at}`,
        ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
        '',
        '',
      ].join('\r\n'),
    );
  };

  const { host, port, secure } = proxy;
  if (secure === undefined) {
    const socket = connectTcp({ host, port });
    const onError = (error: Error): void => {
      fail('cannot be reached', UNREACHABLE, toConnectionError(error, { host, port }));
    };
    abandon = () =>
      socket
        .off('error', onError)
        .on('error', () => {})
        .destroy();
    socket.once('error', onError).once('connect', () => {
      socket.off('error', onError).setNoDelay(true);
      ask(socket);
    });
  } else {
    const way = { host, port, ...secure, route: undefined };
    abandon = openVerified(way, (...result) => {
      const [error, socket] = result;
      if (error !== null) fail(`is not trusted: ${error.message}`, error.hint ?? '', error);
      else ask(socket as Socket);
    });
  }

  return () => {
    if (done) return;
    done = true;
    abandon();
  };
}

const NOT_A_PROXY = 'Check that the address is that of an HTTP proxy which allows CONNECT.';
const UNREACHABLE = 'Check the address of the proxy, and that it is running.';
