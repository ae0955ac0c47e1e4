import type { TLSSocket } from 'node:tls';
import {
  type ConnectFailure,
  type ConnectionContext,
  clientRefused,
  toConnectionError,
} from './connection-error.js';

/**
 * A server that refuses a client's certificate without an alert closes when it has read the client's last message
 * of the handshake, which the first request comes along with.
 */
const SILENT_MS = 2_000;

/** What is known of the other end of a verified connection when it breaks off. */
export interface Peer extends ConnectionContext {
  readonly asksForCertificate: boolean;
  /** By the monotonic clock. */
  readonly connectedAt: number;
}

const peers = new WeakMap<TLSSocket, Peer>();

export function rememberPeer(socket: TLSSocket, peer: Peer): void {
  peers.set(socket, peer);
}

export function peerOf(socket: TLSSocket): Peer | undefined {
  return peers.get(socket);
}

/**
 * Why a connection broke off, with what is known of its other end: above all, that it did not take our
 * certificate, which in TLS 1.3 turns out only after the handshake.
 *
 * @param isFresh whether nothing at all was answered over it
 */
export function brokenOff(error: unknown, peer: Peer, isFresh: boolean): ConnectFailure {
  const { asksForCertificate, clientCertificate, connectedAt } = peer;
  const failure = toConnectionError(error, peer);
  const isSilent =
    isFresh &&
    asksForCertificate &&
    clientCertificate !== undefined &&
    failure.code === 'MCP_TLS_UNREACHABLE' &&
    performance.now() - connectedAt < SILENT_MS;
  return isSilent ? clientRefused(peer, error) : failure;
}
