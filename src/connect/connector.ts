import type { TLSSocket } from 'node:tls';
import { aboutConnection, type ConnectionMessage, publish } from '../diagnostics.js';
import type { TlsTrustError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { type ConnectFailure, toConnectionError } from './connection-error.js';
import type { HelloLost } from './hello.js';
import { within } from './limit.js';
import { rememberPeer } from './peer-of.js';
import { reach } from './reach.js';
import type { Route } from './route.js';
import { sharedSecureContext } from './shared-context.js';
import { type Verified, verified } from './verified.js';

/** Where to connect to. `hostname` without brackets; `port` as in a URL, empty for 443. */
export interface ConnectTarget {
  readonly hostname: string;
  readonly port: string | number;
}

export type ConnectCallback = (
  ...result: [error: Error, socket: null] | [error: null, socket: TLSSocket]
) => void;

export interface ConnectorOptions {
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
  /** Limit for proxy, TCP and TLS handshake together; 0 for none. */
  readonly timeoutMs: number;
  /** For ALPN. Default `['http/1.1']`. */
  readonly protocols?: readonly string[] | undefined;
  /** Of the registered server that it is for, to be reported. */
  readonly id?: string | undefined;
}

/** Opens verified TLS connections under one policy. */
export interface Connector {
  /**
   * Calls back, once, with a socket only after the policy trusted what is at its other end.
   *
   * @returns gives the attempt up; it calls back with an error then
   */
  connect(target: ConnectTarget, callback: ConnectCallback): () => void;
  /** Aborts the connections that are still being made. */
  close(): void;
}

/**
 * Makes the connector of a policy. Its secure context is built here, once.
 *
 * The reference identity is the policy's `serverName` or else the target's host name; a request's
 * `host` header has no say in it.
 */
export function makeConnector(options: ConnectorOptions): Connector {
  const secureContext = sharedSecureContext(options.policy);
  const { policy, route, timeoutMs, protocols, id } = options;
  const pending = new Set<AbortController>();

  async function open(target: { host: string; port: number }, signal: AbortSignal) {
    const startedAt = performance.now();
    publish('mcp-tls:connect', () => aboutConnection(id, target));
    let secondHello: HelloLost | undefined;
    const onSecondHello = (reason: HelloLost): void => {
      secondHello = reason;
      publish('mcp-tls:second-hello', () => ({ ...aboutConnection(id, target), reason }));
    };
    try {
      const connection = await within(
        { timeoutMs, signal },
        (ending) =>
          verified(
            { ...target, policy, secureContext, protocols, timeoutMs, onSecondHello },
            (giveUp) => reach(target, route, giveUp),
            ending,
          ),
        ({ socket }) => socket.destroy(),
      );
      const now = performance.now();
      const { clientCertificate } = policy;
      const { asksForCertificate } = connection.handshake;
      const { host, port } = target;
      const peer = { host, port, clientCertificate, asksForCertificate, connectedAt: now };
      rememberPeer(connection.socket, { ...peer, sawCertificate: true });
      publishVerified(aboutConnection(id, target), connection, now - startedAt);
      return connection.socket;
    } catch (error) {
      const ours = toConnectionError(error, { ...target, secondHello });
      // Given up by whoever asked: nobody was refused.
      if (!signal.aborted) {
        publishRefused(aboutConnection(id, target), ours, performance.now() - startedAt);
      }
      throw ours;
    }
  }

  return {
    connect({ hostname: host, port }, callback) {
      const attempt = new AbortController();
      pending.add(attempt);
      open({ host, port: Number(port || 443) }, attempt.signal)
        .finally(() => pending.delete(attempt))
        .then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
      return () => attempt.abort(givenUp());
    },
    close() {
      // undici waits for an answer, also after its pool was destroyed: each attempt calls back with this.
      for (const attempt of pending) attempt.abort(givenUp());
    },
  };
}

function givenUp(): Error {
  return Object.assign(new Error('closed'), { code: 'ECONNABORTED' });
}

function publishVerified(
  about: ConnectionMessage,
  { by, handshake }: Verified,
  durationMs: number,
): void {
  publish('mcp-tls:verified', () => ({
    ...about,
    by,
    // Without a readable certificate only the dangerous export gets here.
    fingerprint: handshake.chain[0]?.fingerprint256 ?? '',
    protocol: handshake.protocol ?? null,
    durationMs,
  }));
}

function publishRefused(about: ConnectionMessage, error: ConnectFailure, durationMs: number): void {
  const { code, message } = error;
  const { expected, presented } = error as Partial<TlsTrustError>;
  publish('mcp-tls:refused', () => ({ ...about, code, message, expected, presented, durationMs }));
}
