import type { SecureContext, TLSSocket } from 'node:tls';
import { publish } from '../diagnostics.js';
import type { TlsTrustError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { toConnectionError } from './connection-error.js';
import { openTunnel } from './open-tunnel.js';
import { openVerified, type Verification, type VerifiedCallback } from './open-verified.js';
import type { Route } from './route.js';
import { sharedSecureContext } from './shared-context.js';

/** Where to connect to. `hostname` without brackets; `port` as in a URL, empty for 443. */
export interface ConnectTarget {
  readonly hostname: string;
  readonly port: string | number;
}

export type ConnectCallback = (
  ...result:
    | [error: Error, socket: null]
    | [error: null, socket: TLSSocket, verification: Verification]
) => void;

export interface ConnectorOptions {
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
  /** Limit for proxy, TCP and TLS handshake together; 0 for none. */
  readonly timeoutMs: number;
}

/** Opens verified TLS connections under one policy. */
export interface Connector {
  /** Calls back with a socket only after the policy trusted what is at its other end. */
  connect(target: ConnectTarget, callback: ConnectCallback): void;
  /** Breaks off the connections that are still being made. */
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
  const pending = new Set<() => void>();
  return {
    connect(target, callback) {
      const host = target.hostname;
      const port = Number(target.port || 443);
      const cancel = attempt(options, secureContext, { host, port }, (...result) => {
        pending.delete(cancel);
        callback(...result);
      });
      pending.add(cancel);
    },
    close() {
      for (const cancel of pending) cancel();
      pending.clear();
    },
  };
}

/** One connection: through a proxy or straight, verified, in time, and told about. */
function attempt(
  { policy, route, timeoutMs }: ConnectorOptions,
  secureContext: SecureContext,
  target: { readonly host: string; readonly port: number },
  callback: ConnectCallback,
): () => void {
  const startedAt = performance.now();
  const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
  const proxy =
    route.socketPath === undefined ? route.proxyFor(target.host, target.port) : undefined;
  publish('mcp-tls:connect', () => ({ ...target }));

  const onVerified: VerifiedCallback = (...result) => {
    if (result[0] !== null) {
      fail(result[0]);
      return;
    }
    const [, socket, verification] = result;
    const { by, fingerprint } = verification;
    clearTimeout(timer);
    publish('mcp-tls:verified', () => ({
      ...target,
      by,
      fingerprint,
      protocol: socket.getProtocol(),
      milliseconds: performance.now() - startedAt,
    }));
    callback(null, socket, verification);
  };
  const base = { ...target, policy, secureContext, route };
  let cancel: () => void;
  if (proxy === undefined) {
    cancel = openVerified(base, onVerified);
  } else {
    cancel = openTunnel(proxy, target, (error, socket) => {
      if (error !== null) fail(error);
      else cancel = openVerified({ ...base, socket }, onVerified);
    });
  }

  function onTimeout(): void {
    cancel();
    const cause = new Error(`no verified connection within ${timeoutMs} ms`);
    fail(toConnectionError(Object.assign(cause, { code: 'ETIMEDOUT' }), target));
  }

  function fail(error: TlsTrustError): void {
    clearTimeout(timer);
    const { code, message, expected, presented } = error;
    publish('mcp-tls:refused', () => ({ ...target, code, message, expected, presented }));
    callback(error, null);
  }

  return () => {
    clearTimeout(timer);
    cancel();
    // undici waits for an answer, also after its pool was destroyed.
    const cause = Object.assign(new Error('closed'), { code: 'ECONNABORTED' });
    callback(toConnectionError(cause, target), null);
  };
}
