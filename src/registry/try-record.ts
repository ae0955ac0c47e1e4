import { addressOf } from '../connect/address-of.js';
import { toConnectionError } from '../connect/connection-error.js';
import { makeConnector } from '../connect/connector.js';
import type { Verification } from '../connect/open-verified.js';
import { type RouteOptions, readRoute } from '../connect/route.js';
import { trustPolicyOf } from '../store/trust-policy-of.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { AddressGuard } from './address-guard.js';
import type { KnownServer } from './known-server.js';

export interface TryOptions {
  readonly route: RouteOptions;
  readonly guard: AddressGuard;
  /** 0: no limit. */
  readonly timeoutMs: number;
  /** Breaks it off: an `MCP_TLS_UNREACHABLE`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A TLS 1.3 server refuses a client certificate only after the handshake (RFC 8446 §4.4.2.4). A
 * session ticket says earlier that it is content.
 */
const CLIENT_CERTIFICATE_GRACE_MS = 150;

/**
 * Connects once with the trust of a record, verifies as every request will, sends nothing, closes. A
 * record that passes here holds a policy that works.
 *
 * @returns why it was trusted, and what was presented
 * @throws {TlsTrustError}
 */
export async function tryRecord(
  { record }: Pick<KnownServer, 'record'>,
  { route, guard, timeoutMs, signal }: TryOptions,
): Promise<Verification> {
  const url = new URL(record.url);
  await guard.check(url);
  const policy = checkTrustPolicy(trustPolicyOf(record));
  const connector = makeConnector({ policy, route: readRoute(route), timeoutMs });
  const target = addressOf(url);
  const breakOff = (): void => connector.close();
  signal?.addEventListener('abort', breakOff);
  try {
    return await new Promise<Verification>((resolve, reject) => {
      connector.connect(
        { hostname: target.host, port: target.port },
        (...[error, socket, leaf]) => {
          if (socket === null) {
            reject(error);
            return;
          }
          let timer: NodeJS.Timeout | undefined;
          const finish = (end: () => void): void => {
            clearTimeout(timer);
            socket.off('session', onContent).off('close', onContent).destroy();
            end();
          };
          const onContent = (): void => finish(() => resolve(leaf));
          timer = setTimeout(onContent, CLIENT_CERTIFICATE_GRACE_MS);
          socket.on('error', (cause) => {
            const sentCertificate = policy.clientCertificate !== undefined;
            const context = { ...target, sawCertificate: true, sentCertificate };
            finish(() => reject(toConnectionError(cause, context)));
          });
          socket.once('session', onContent).once('close', onContent);
          // Node.js emits 'session' only while somebody reads.
          socket.resume();
        },
      );
      if (signal?.aborted) breakOff();
    });
  } finally {
    signal?.removeEventListener('abort', breakOff);
  }
}
