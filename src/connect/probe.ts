import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';
import type { Problem } from '../trust/find-problems.js';
import type { ReferenceIdentity } from '../trust/reference-identity.js';
import { toConnectionError } from './connection-error.js';
import { openTunnel } from './open-tunnel.js';
import { readPresentedChain, withholdLegacyCertificate } from './presented-chain.js';
import { type Route, wayTo } from './route.js';
import { makeSecureContext } from './secure-context.js';

/** What a {@link probe} connects to and judges by. */
export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  readonly identity: ReferenceIdentity;
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
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
  const { host, port, route, timeoutMs, signal } = request;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
    signal?.addEventListener('abort', onAbort, { once: true });

    const done: HandshakeCallback = (error, result) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (result === undefined) reject(error);
      else resolve(result);
    };
    const proxy = route.socketPath === undefined ? route.proxyFor(host, port) : undefined;
    let cancel: () => void;
    if (proxy === undefined) {
      cancel = shakeHands(request, undefined, done);
    } else {
      cancel = openTunnel(proxy, { host, port }, (error, socket) => {
        if (error !== null) done(error);
        else cancel = shakeHands(request, socket, done);
      });
    }

    function onTimeout(): void {
      cancel();
      const cause = new Error(`no certificate within ${timeoutMs} ms`);
      done(toConnectionError(Object.assign(cause, { code: 'ETIMEDOUT' }), { host, port }));
    }

    function onAbort(): void {
      cancel();
      done(signal?.reason);
    }
  });
}

type HandshakeCallback = (error: unknown, result?: ProbeResult) => void;

/** @returns breaks the handshake off without calling back */
function shakeHands(
  { host, port, identity, policy, route }: ProbeRequest,
  tunnel: Socket | undefined,
  callback: HandshakeCallback,
): () => void {
  const socket = tls.connect({
    ...wayTo({ host, port, route, socket: tunnel }),
    servername: identity.kind === 'dns' ? identity.value : '',
    secureContext: makeSecureContext(policy, 'anything'),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['http/1.1'],
  });
  withholdLegacyCertificate(socket);
  let grace: NodeJS.Timeout | undefined;
  let chain: readonly X509Certificate[] = [];
  let chainError: string | null | undefined;
  let protocol: string | undefined;

  // Once a connection, and before anything can go wrong with it: see readPresentedChain.
  socket.prependOnceListener('secure', () => {
    chain = readPresentedChain(socket);
  });
  socket.once('secureConnect', onSecureConnect);
  socket.on('error', onError);
  socket.once('close', onClose);

  function onSecureConnect(): void {
    chainError = socket.authorized ? null : String(socket.authorizationError);
    protocol = socket.getProtocol() ?? undefined;
    if (protocol !== 'TLSv1.3') {
      succeed([]);
      return;
    }
    grace = setTimeout(() => succeed([]), CLIENT_CERTIFICATE_GRACE_MS);
    socket.once('session', onSession);
    // Node.js emits 'session' only while somebody reads.
    socket.resume();
  }

  function onError(error: Error): void {
    if (chain.length === 0) chain = readPresentedChain(socket);
    const sawCertificate = chain.length > 0;
    const mapped = toConnectionError(error, { host, port, sawCertificate });
    if (!sawCertificate) {
      finish();
      callback(mapped);
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

  function succeed(found: readonly Problem[]): void {
    finish();
    const old = protocol !== undefined && !/^TLSv1\.[23]$/.test(protocol);
    const problems = old ? [...found, oldProtocol(protocol as string)] : found;
    callback(undefined, { chain, chainError, protocol, problems });
  }

  function finish(): void {
    clearTimeout(grace);
    socket.off('secureConnect', onSecureConnect).off('session', onSession);
    socket.off('close', onClose).off('error', onError);
    socket.on('error', () => {}).destroy();
  }

  return finish;
}

const CLIENT_CERTIFICATE_REQUIRED: Problem = {
  code: 'client-certificate-required',
  message: 'the server demands a client certificate',
};

function oldProtocol(protocol: string): Problem {
  const message = `the server speaks only ${protocol}, which is not safe (RFC 8996)`;
  return { code: 'old-protocol', message };
}
