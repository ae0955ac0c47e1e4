import * as tls from 'node:tls';
import type { Presentation } from '../trust/presentation.js';
import type { ReferenceIdentity } from '../trust/reference-identity.js';
import { untilAborted } from './limit.js';
import { readPresentedChain, withholdLegacyCertificate } from './presented-chain.js';

/** What one TLS connection showed. Nothing of it is trusted before `decide` said so. */
export interface Handshake extends Presentation {
  /** Such as `TLSv1.3`; `undefined` if the handshake ended before one was agreed upon. */
  readonly protocol: string | undefined;
  readonly cipher: string | undefined;
  /** The group of the key exchange, such as `X25519` or `X25519MLKEM768`. */
  readonly group: string | undefined;
  /** Whether the server asked for a client certificate. */
  readonly asksForCertificate: boolean;
}

export interface HandshakeRequest {
  /** Where to, as `reach` gives it: an address, a path, or an open socket. */
  readonly way: tls.ConnectionOptions;
  readonly identity: ReferenceIdentity;
  readonly secureContext: tls.SecureContext;
  /** For ALPN; none if empty. Default `['http/1.1']`. */
  readonly protocols?: readonly string[] | undefined;
}

/** How a handshake ended: complete, with its socket; or with why it failed, and what was seen till then. */
export type Shaken = (
  | { readonly handshake: Handshake; readonly socket: tls.TLSSocket; readonly failure: undefined }
  | { readonly handshake: Handshake; readonly socket: undefined; readonly failure: unknown }
) & {
  /** Whether anything came from the other side; true where that cannot be told. */
  readonly isHeard: boolean;
  /** Why this was the second attempt, without post-quantum groups. */
  readonly secondHello?: 'reset' | 'no answer';
};

/**
 * Makes one TLS connection, up to the end of its handshake. The one place where TLS connections are
 * made, whoever makes them: judges see the same facts.
 *
 * Verification by Node.js is switched off here, in order that **`decide` alone says whom to trust**:
 * OpenSSL's verdict is read and handed over, not acted upon. Nothing is sent. No session is offered, so
 * that every connection shows its certificate.
 *
 * @param onSent told when the first message is on its way, with how to see whether nothing has come back
 * @throws what `tls.connect` throws, and the signal's reason
 */
export async function shakeHands(
  { way, identity, secureContext, protocols = ['http/1.1'] }: HandshakeRequest,
  signal: AbortSignal,
  onSent?: (isSilent: () => boolean) => void,
): Promise<Shaken> {
  const isHeard = hearing(way);
  const socket = open(way, signal, {
    ...way,
    // RFC 6066 §3: no address in SNI. Node.js 26 throws on one.
    servername: identity.sni ?? (identity.kind === 'dns' ? identity.value : ''),
    secureContext,
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED changes the default.
    rejectUnauthorized: false,
    // Names are judged by decide(); Node.js would fall back to the common name.
    checkServerIdentity: () => undefined,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
  withholdLegacyCertificate(socket);
  // For as long as the socket lives: what comes late from one that was given up has nowhere to go.
  socket.on('error', () => {});
  // Node.js lets go of the connection before it says that the server closed it: the last moment at which
  // a certificate can be read, of a server that refused ours in the middle of a TLS 1.2 handshake.
  const seen: { atEnd?: Handshake } = {};
  const onEnd = (): void => {
    seen.atEnd = readHandshake(socket, false);
  };
  socket.prependOnceListener('end', onEnd);
  onSent?.(() => !isHeard());
  try {
    const failure = await completed(socket, signal);
    socket.off('end', onEnd);
    if (failure !== undefined && seen.atEnd !== undefined) {
      socket.destroy();
      return { handshake: seen.atEnd, socket: undefined, failure, isHeard: isHeard() };
    }
    const handshake = readHandshake(socket, failure === undefined);
    if (failure === undefined) return { handshake, socket, failure, isHeard: true };
    socket.destroy();
    return { handshake, socket: undefined, failure, isHeard: isHeard() };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Counted below TLS, where every byte is one: a TLS socket counts what it has deciphered. */
function hearing({ socket }: tls.ConnectionOptions): () => boolean {
  const below = socket as { readonly bytesRead?: number } | undefined;
  const before = below?.bytesRead;
  return () => before === undefined || below?.bytesRead !== before;
}

/** A tunnel that no connection comes to rest on is closed. */
function open(
  way: tls.ConnectionOptions,
  signal: AbortSignal,
  options: tls.ConnectionOptions,
): tls.TLSSocket {
  try {
    signal.throwIfAborted();
    return tls.connect(options);
  } catch (error) {
    way.socket?.destroy();
    throw error;
  }
}

/** Resolves with `undefined` or with why it failed. @throws the signal's reason */
async function completed(socket: tls.TLSSocket, signal: AbortSignal): Promise<unknown> {
  let settle: (failure: unknown) => void = () => {};
  const settled = new Promise<unknown>((resolve) => {
    settle = resolve;
  });
  const onSecure = (): void => settle(undefined);
  const onClose = (): void => settle(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
  socket.once('secureConnect', onSecure).once('error', settle).once('close', onClose);
  try {
    return await untilAborted(settled, signal);
  } finally {
    socket.off('secureConnect', onSecure).off('error', settle).off('close', onClose);
  }
}

function readHandshake(socket: tls.TLSSocket, isComplete: boolean): Handshake {
  const { chain, isWhole } = readPresentedChain(socket);
  const seen = chain.length > 0;
  return {
    chain,
    isWhole,
    chainError: isComplete ? verdictOfOpenSsl(socket) : seen ? verdictSoFar(socket) : undefined,
    protocol: seen ? (socket.getProtocol() ?? undefined) : undefined,
    cipher: isComplete ? socket.getCipher()?.standardName : undefined,
    group: isComplete ? groupOf(socket) : undefined,
    // OpenSSL fills in the signature algorithms in common when a CertificateRequest arrives
    // (RFC 8446 §4.3.2, RFC 5246 §7.4.4). Node.js has no other sign of one.
    asksForCertificate: seen && (socket.getSharedSigalgs?.()?.length ?? 0) > 0,
  };
}

/** `null` only where OpenSSL accepted the chain. */
function verdictOfOpenSsl(socket: tls.TLSSocket): string | null {
  // Under `rejectUnauthorized: false` these say what OpenSSL said, and change nothing.
  if (socket.authorized) return null;
  const code = String(socket.authorizationError || 'UNSPECIFIED');
  if (code !== 'UNSPECIFIED') return code;
  // For those that Node.js has no name for, OpenSSL's sentence says more.
  return verifyError(socket)?.message || code;
}

/**
 * The same of a handshake that failed after the certificate: for what is said about the server. There is
 * no socket that could be trusted by it.
 */
function verdictSoFar(socket: tls.TLSSocket): string | null | undefined {
  // Node.js asks OpenSSL for the cipher where there is a chain and no peer (a leaf whose key OpenSSL cannot read,
  // or whose type is not the cipher's), and a handshake of TLS 1.2 has none yet: that ends the process.
  if (!socket.getCipher()?.name) return undefined;
  const error = verifyError(socket);
  if (error === undefined) return undefined;
  return error && ((error as NodeJS.ErrnoException).code ?? error.message);
}

/** Not public, and only put into words: that a chain is refused does not depend on it. */
function verifyError(socket: tls.TLSSocket): Error | null | undefined {
  const { _handle } = socket as { _handle?: { verifyError?(): Error | null | undefined } | null };
  return _handle?.verifyError === undefined ? undefined : (_handle.verifyError() ?? null);
}

function groupOf(socket: tls.TLSSocket): string | undefined {
  const info = socket.getEphemeralKeyInfo() as { name?: string; type?: string } | null;
  return info?.name ?? info?.type;
}
