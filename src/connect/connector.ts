import type { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { TlsTrustError } from '../errors.js';
import { decide } from '../trust/decide.js';
import { readReferenceIdentity } from '../trust/reference-identity.js';
import type { CheckedTrustPolicy } from '../trust/trust-policy.js';
import { atHost, toConnectionError } from './connection-error.js';
import { readPresentedChain, withholdLegacyCertificate } from './presented-chain.js';
import { makeSecureContext } from './secure-context.js';

/** Where to connect to. `hostname` without brackets; `port` as in a URL, empty for 443. */
export interface ConnectTarget {
  readonly hostname: string;
  readonly port: string | number;
}

export type ConnectCallback = (
  ...result: [error: Error, socket: null] | [error: null, socket: tls.TLSSocket]
) => void;

/** Opens verified TLS connections under one policy. */
export interface Connector {
  /** Calls back with a socket only after {@link decide} trusted what is at its other end. */
  connect(target: ConnectTarget, callback: ConnectCallback): void;
  /** Breaks off the connections that are still being made. */
  close(): void;
}

/**
 * Makes the connector of a policy. Its secure context is built here, once.
 *
 * The reference identity is the policy's `serverName` or else the target's host name; a request's
 * `host` header has no say in it. Sessions are not resumed, so every connection is verified whole.
 *
 * @param connectTimeoutMs limit for TCP and TLS handshake together; 0 for none
 */
export function makeConnector(policy: CheckedTrustPolicy, connectTimeoutMs: number): Connector {
  const secureContext = makeSecureContext(policy);
  const pending = new Set<tls.TLSSocket>();

  function connect(target: ConnectTarget, callback: ConnectCallback): void {
    const host = target.hostname;
    const port = Number(target.port || 443);
    const identity = readReferenceIdentity(policy.serverName ?? host);
    let chain: readonly X509Certificate[] = [];

    const socket = tls.connect({
      host,
      port,
      // RFC 6066 §3: no address in SNI. Node.js 26 throws on one.
      servername: identity.kind === 'dns' ? identity.value : '',
      secureContext,
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
      rejectUnauthorized: true,
      // Names are judged by decide() below; Node.js would fall back to the common name.
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['http/1.1'],
    });
    withholdLegacyCertificate(socket);
    socket.setKeepAlive(true, 60_000).setNoDelay(true);
    pending.add(socket);
    const timer = connectTimeoutMs > 0 ? setTimeout(onTimeout, connectTimeoutMs) : undefined;

    // 'secure' comes before Node.js acts on OpenSSL's verdict: the last moment at which a refused
    // certificate can be read, to say in the error what was presented.
    socket.prependOnceListener('secure', () => {
      chain = readPresentedChain(socket);
    });
    socket.once('secureConnect', () => {
      const refused = judge(socket.authorized ? null : String(socket.authorizationError));
      if (refused !== undefined) return fail(refused);
      settle();
      callback(null, socket);
    });
    socket.on('error', onError);
    socket.once('close', onClose);

    function judge(chainError: string | null): TlsTrustError | undefined {
      const verdict = decide(policy, { chain, chainError }, identity, new Date());
      if (verdict.trusted) return undefined;
      const { reason, message, ...details } = verdict;
      return new TlsTrustError(reason, `${atHost(host, port)}: ${message}`, {
        host,
        port,
        expected: details.expected,
        presented: details.presented,
        hint: details.hint,
        detail: details.detail,
      });
    }

    function onError(error: NodeJS.ErrnoException): void {
      const sawChain = chain.length > 0;
      // After 'secure' and before 'secureConnect', the only errors are OpenSSL's verdicts.
      const refused = sawChain && isVerifyCode(error.code) ? judge(verdictOf(error)) : undefined;
      if (!sawChain) chain = readPresentedChain(socket);
      fail(refused ?? toConnectionError(error, { host, port, sawCertificate: chain.length > 0 }));
    }

    function onTimeout(): void {
      const cause = Object.assign(new Error(`no connection within ${connectTimeoutMs} ms`), {
        code: 'ETIMEDOUT',
      });
      fail(toConnectionError(cause, { host, port }));
    }

    function onClose(): void {
      fail(
        toConnectionError(Object.assign(new Error('closed'), { code: 'ECONNRESET' }), {
          host,
          port,
        }),
      );
    }

    function settle(): boolean {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose);
      return pending.delete(socket);
    }

    function fail(error: Error): void {
      if (!settle()) return;
      // What still comes from a socket that was given up has nobody to go to.
      socket.on('error', () => {}).destroy();
      callback(error, null);
    }
  }

  return {
    connect,
    close() {
      for (const socket of pending) socket.destroy();
    },
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
