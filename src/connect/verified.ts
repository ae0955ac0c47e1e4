import type * as tls from 'node:tls';
import { TlsTrustError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { decide, type TrustedBy, type Verdict } from '../trust/decide.js';
import { identityUnder, type ReferenceIdentity } from '../trust/reference-identity.js';
import type { Refusal } from '../trust/refusal.js';
import {
  atHost,
  type ConnectFailure,
  clientRefused,
  toConnectionError,
} from './connection-error.js';
import type { Handshake, Shaken } from './handshake.js';
import { type HelloTarget, type Reach, shakeHandsOnceMore } from './hello.js';

/** One server under one policy. */
export interface VerifiedTarget {
  /** Host of the URL, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly policy: CheckedTrustPolicy;
  /** Of the policy. */
  readonly secureContext: tls.SecureContext;
  /** For ALPN. Default `['http/1.1']`. */
  readonly protocols?: readonly string[] | undefined;
  /** As {@link HelloTarget.timeoutMs}. */
  readonly timeoutMs?: number | undefined;
  readonly onSecondHello?: HelloTarget['onSecondHello'];
}

/** A connection to a server that is trusted, and why it is. */
export interface Verified {
  readonly socket: tls.TLSSocket;
  readonly by: TrustedBy;
  readonly handshake: Handshake;
}

/**
 * Makes a TLS connection and gives its socket only after {@link decide} trusted what is at its other
 * end. Nothing was sent till then.
 *
 * @param reach gives the way to it; asked only once it is known that a certificate can name the host, and again where
 *   the first message was lost ({@link shakeHandsOnceMore})
 * @throws {TlsTrustError} why it is not trusted
 * @throws {TlsConnectionError} why it could not be connected to
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a host that no certificate can name
 * @throws the signal's reason
 */
export async function verified(
  target: VerifiedTarget,
  reach: Reach,
  signal: AbortSignal,
): Promise<Verified> {
  const identity = identityUnder(target.policy, target.host);
  const shaken = await shakeHandsOnceMore({ ...target, identity }, reach, signal);
  let isTrusted = false;
  try {
    const verdict = judge(target, shaken, identity);
    if (!verdict.trusted || shaken.socket === undefined) {
      throw refusalError(target, shaken, verdict);
    }
    const { socket, handshake } = shaken;
    prepareForUse(socket);
    isTrusted = true;
    return { socket, by: verdict.by, handshake };
  } finally {
    // Whatever comes of the judgement, an error in it included, no other socket stays open.
    if (!isTrusted) shaken.socket?.destroy();
  }
}

function prepareForUse(socket: tls.TLSSocket): void {
  // A TLS 1.3 server refuses a client only after the handshake (RFC 8446 §4.4.2.4): its alert comes as
  // an error that leaves the socket open until the end of the stream, and undici would report that end.
  socket.once('error', (error) => socket.destroy(error));
  socket.setKeepAlive(true, 60_000).setNoDelay(true);
}

/** What {@link decide} says of what was presented, now, under the name that the policy asks for. */
export function judge(
  { host, policy }: Pick<VerifiedTarget, 'host' | 'policy'>,
  { handshake }: Pick<Shaken, 'handshake'>,
  identity: ReferenceIdentity = identityUnder(policy, host),
): Verdict {
  return decide(policy, handshake, identity, new Date());
}

/**
 * Why there is no connection: what was presented, where that is the reason; how the handshake failed,
 * where the certificate was not the reason or never came.
 */
export function refusalError(
  target: Pick<VerifiedTarget, 'host' | 'port' | 'policy'>,
  { handshake, failure, secondHello }: Pick<Shaken, 'handshake' | 'failure' | 'secondHello'>,
  verdict: Verdict,
): ConnectFailure {
  const { host, port, policy } = target;
  if (failure === undefined && !verdict.trusted) return refusedError(target, verdict);
  const { clientCertificate, groups } = policy;
  // A Node.js server that refuses a client's certificate closes without an alert.
  if (handshake.asksForCertificate && (failure as NodeJS.ErrnoException)?.code === 'ECONNRESET') {
    return clientRefused({ host, port, clientCertificate }, failure);
  }
  const sawCertificate = handshake.chain.length > 0;
  const context = { host, port, sawCertificate, clientCertificate };
  return toConnectionError(failure, { ...context, secondHello, groups });
}

function refusedError(
  { host, port }: Pick<VerifiedTarget, 'host' | 'port'>,
  { reason, message, expected, presented, hint, detail }: Refusal,
): TlsTrustError {
  const details = { host, port, expected, presented, hint, detail };
  return new TlsTrustError(reason, `${atHost(host, port)}: ${message}`, details);
}
