import type { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import type { Problem } from '../trust/find-problems.js';
import type { ReferenceIdentity } from '../trust/reference-identity.js';
import type { CheckedTrustPolicy } from '../trust/trust-policy.js';
import { toConnectionError } from './connection-error.js';
import { readPresentedChain, withholdLegacyCertificate } from './presented-chain.js';
import { makeSecureContext } from './secure-context.js';

/** What a {@link probe} connects to and judges by. */
export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  readonly identity: ReferenceIdentity;
  readonly policy: CheckedTrustPolicy;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What a probe saw: at least one certificate. */
export interface ProbeResult {
  readonly chain: readonly X509Certificate[];
  /** OpenSSL's objection; `null`: none; `undefined`: the handshake ended before it was asked. */
  readonly chainError: string | null | undefined;
  /** Problems of the connection itself. */
  readonly problems: readonly Problem[];
  readonly protocol: string | undefined;
}

/**
 * How long to wait, after a TLS 1.3 handshake, for the server to say that it misses a client
 * certificate: it may do so only after our Finished (RFC 8446 §4.4.2.4). A session ticket ends the
 * wait earlier, because it comes once the server is content.
 */
const CLIENT_CERTIFICATE_GRACE_MS = 150;

/**
 * Makes a handshake with whatever answers, reads its certificates and closes. Here verification is
 * off, and only here: nothing is sent on this connection, and nothing it shows is trusted.
 */
export function probe(request: ProbeRequest): Promise<ProbeResult> {
  const { host, port, identity, timeoutMs, signal } = request;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port,
      servername: identity.kind === 'dns' ? identity.value : '',
      secureContext: makeSecureContext(request.policy, 'anything'),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['http/1.1'],
    });
    withholdLegacyCertificate(socket);
    const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
    let grace: NodeJS.Timeout | undefined;
    let chain: readonly X509Certificate[] = [];
    let chainError: string | null | undefined;
    let protocol: string | undefined;

    // Once a connection, and before anything can go wrong with it: see readPresentedChain.
    socket.prependOnceListener('secure', () => {
      chain = readPresentedChain(socket);
    });
    socket.once('secureConnect', () => {
      chainError = socket.authorized ? null : String(socket.authorizationError);
      protocol = socket.getProtocol() ?? undefined;
      if (protocol !== 'TLSv1.3') return succeed([]);
      grace = setTimeout(() => succeed([]), CLIENT_CERTIFICATE_GRACE_MS);
      socket.once('session', onSession);
      // Node.js emits 'session' only while somebody reads.
      socket.resume();
    });
    socket.on('error', onError);
    socket.once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });

    function onError(error: Error): void {
      if (chain.length === 0) chain = readPresentedChain(socket);
      const sawCertificate = chain.length > 0;
      const mapped = toConnectionError(error, { host, port, sawCertificate });
      if (!sawCertificate) {
        fail(mapped);
        return;
      }
      // The server showed its certificate and then went away: that is all we came for.
      protocol ??= socket.getProtocol() ?? undefined;
      const required = mapped.code === 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED';
      succeed(required ? [CLIENT_CERTIFICATE_REQUIRED] : []);
    }

    function onClose(): void {
      onError(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    }

    function onSession(): void {
      succeed([]);
    }

    function onTimeout(): void {
      const cause = new Error(`no certificate within ${timeoutMs} ms`);
      fail(toConnectionError(Object.assign(cause, { code: 'ETIMEDOUT' }), { host, port }));
    }

    function onAbort(): void {
      fail(signal?.reason);
    }

    function succeed(problems: readonly Problem[]): void {
      finish();
      const old = protocol !== undefined && !/^TLSv1\.[23]$/.test(protocol);
      resolve({
        chain,
        chainError,
        protocol,
        problems: old ? [...problems, oldProtocol(protocol as string)] : problems,
      });
    }

    function fail(error: unknown): void {
      finish();
      reject(error);
    }

    function finish(): void {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', onAbort);
      socket.off('close', onClose).off('session', onSession).off('error', onError);
      socket.on('error', () => {}).destroy();
    }
  });
}

const CLIENT_CERTIFICATE_REQUIRED: Problem = {
  code: 'client-certificate-required',
  message: 'the server demands a client certificate',
};

function oldProtocol(protocol: string): Problem {
  const message = `the server speaks only ${protocol}, which is not safe (RFC 8996)`;
  return { code: 'old-protocol', message };
}
