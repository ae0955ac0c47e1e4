import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { TlsTrustError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import { decide, type Verdict } from '../trust/decide.js';
import { readReferenceIdentity } from '../trust/reference-identity.js';
import { atHost, toConnectionError } from './connection-error.js';
import { readPresentedChain, withholdLegacyCertificate } from './presented-chain.js';
import { type Route, wayTo } from './route.js';

/** One server, and the way to it. */
export interface VerifiedTarget {
  readonly host: string;
  readonly port: number;
  readonly policy: CheckedTrustPolicy;
  readonly secureContext: tls.SecureContext;
  readonly route: Route | undefined;
  /** An open connection to use instead of a new one: a proxy's tunnel. */
  readonly socket?: Socket | undefined;
}

/** Why one may talk through the socket, and what certificate is at its other end. */
export interface Verification {
  readonly by: Extract<Verdict, { trusted: true }>['by'];
  /** Of the server's certificate. */
  readonly fingerprint: string;
  /** Its end, as OpenSSL writes it. */
  readonly validTo: string;
}

export type VerifiedCallback = (
  ...result:
    | [error: TlsTrustError, socket: null]
    | [error: null, socket: tls.TLSSocket, verification: Verification]
) => void;

/**
 * Opens one TLS connection and calls back with its socket only after {@link decide} trusted what is
 * at its other end. No session is offered, so every connection is verified whole.
 *
 * @returns breaks the attempt off; does nothing once it has called back
 */
export function openVerified(target: VerifiedTarget, callback: VerifiedCallback): () => void {
  const { host, port, policy } = target;
  const identity = readReferenceIdentity(policy.serverName ?? host);
  let chain: readonly X509Certificate[] = [];
  let done = false;

  const socket = tls.connect({
    ...wayTo(target),
    // RFC 6066 §3: no address in SNI. Node.js 26 throws on one.
    servername: identity.kind === 'dns' ? identity.value : '',
    secureContext: target.secureContext,
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default. Where a pin is the
    // identity, OpenSSL's objections are not asked for, and decide() alone is the gate.
    rejectUnauthorized: policy.identity === 'name' && !policy.allowExpired,
    // Names are judged by decide(); Node.js would fall back to the common name.
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['http/1.1'],
  });
  withholdLegacyCertificate(socket);
  socket.setKeepAlive(true, 60_000).setNoDelay(true);

  // 'secure' comes before Node.js acts on OpenSSL's verdict: the last moment at which a refused
  // certificate can be read, to say in the error what was presented.
  socket.prependOnceListener('secure', () => {
    chain = readPresentedChain(socket);
  });
  socket.once('secureConnect', onSecureConnect);
  socket.on('error', onError);
  socket.once('close', onClose);

  function onSecureConnect(): void {
    const verdict = judge(socket.authorized ? null : String(socket.authorizationError));
    if (!verdict.trusted) {
      fail(refusedBy(verdict));
      return;
    }
    settle();
    // A TLS 1.3 server refuses a client only after the handshake (RFC 8446 §4.4.2.4): its alert comes
    // as an error that leaves the socket open until the end of the stream, and undici would report
    // that end instead.
    socket.once('error', (error) => socket.destroy(error));
    // Without a readable certificate only the dangerous export gets here.
    const { fingerprint256: fingerprint = '', validTo = '' } = chain[0] ?? {};
    callback(null, socket, { by: verdict.by, fingerprint, validTo });
  }

  function judge(chainError: string | null): Verdict {
    return decide(policy, { chain, chainError }, identity, new Date());
  }

  function refusedBy(verdict: Exclude<Verdict, { trusted: true }>): TlsTrustError {
    const { reason, message, expected, presented, hint, detail } = verdict;
    const details = { host, port, expected, presented, hint, detail };
    return new TlsTrustError(reason, `${atHost(host, port)}: ${message}`, details);
  }

  function onError(error: NodeJS.ErrnoException): void {
    // After 'secure' and before 'secureConnect', the only errors are OpenSSL's verdicts.
    if (chain.length > 0 && isVerifyCode(error.code)) {
      const verdict = judge(verdictOf(error));
      if (!verdict.trusted) {
        fail(refusedBy(verdict));
        return;
      }
    }
    if (chain.length === 0) chain = readPresentedChain(socket);
    fail(
      toConnectionError(error, {
        host,
        port,
        sawCertificate: chain.length > 0,
        sentCertificate: policy.clientCertificate !== undefined,
      }),
    );
  }

  function onClose(): void {
    const error = Object.assign(new Error('closed'), { code: 'ECONNRESET' });
    fail(toConnectionError(error, { host, port }));
  }

  function settle(): void {
    done = true;
    socket.off('secureConnect', onSecureConnect).off('error', onError).off('close', onClose);
  }

  function fail(error: TlsTrustError): void {
    if (done) return;
    abandon();
    callback(error, null);
  }

  function abandon(): void {
    settle();
    // What still comes from a socket that was given up has nobody to go to.
    socket.on('error', () => {}).destroy();
  }

  return () => {
    if (!done) abandon();
  };
}

/** Verification codes have no prefix; those of the handshake and of the system do. */
function isVerifyCode(code: string | undefined): boolean {
  return code !== undefined && !/^(ERR_|E[A-Z]+$)/.test(code);
}

/** OpenSSL's verdict. For those that Node.js has no name for, OpenSSL's sentence says more. */
function verdictOf(error: NodeJS.ErrnoException): string {
  return error.code === undefined || error.code === 'UNSPECIFIED' ? error.message : error.code;
}
