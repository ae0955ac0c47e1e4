import type { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Presentation } from '../trust/presentation.js';

/**
 * More certificates than these are not looked at, and a chain of more is refused. Servers send at most
 * a handful; OpenSSL takes 100 KB of them, some 290.
 */
const MAX_CERTIFICATES = 100;

/**
 * The certificates as the server sent them, leaf first; empty if there are none (yet).
 *
 * Ask once a connection: on Node 20, 22 and 24 `getPeerX509Certificate` takes the chain out of the
 * socket, and a second call finds nothing. `getPeerCertificate` is not used: it reorders the chain,
 * adds certificates of the client's own store, and from Node 23.11 on crashes the process on
 * brainpool and secp256k1 keys.
 */
export function readPresentedChain(socket: TLSSocket): Pick<Presentation, 'chain' | 'isWhole'> {
  const chain: X509Certificate[] = [];
  let certificate = readLeaf(socket);
  while (certificate !== undefined && chain.length < MAX_CERTIFICATES) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return { chain, isWhole: certificate === undefined };
}

/**
 * Keeps Node.js from converting the server's certificate to its legacy object, which it does after
 * each handshake only to hand it to `checkServerIdentity`: the conversion crashes the process on
 * some curves (see above), and the X509Certificate is what we judge by.
 */
export function withholdLegacyCertificate(socket: TLSSocket): void {
  socket.getPeerCertificate = () => ({}) as DetailedPeerCertificate;
}

function readLeaf(socket: TLSSocket): X509Certificate | undefined {
  try {
    return socket.getPeerX509Certificate();
  } catch {
    // Before the certificate has arrived, or one that this OpenSSL cannot hold.
    return undefined;
  }
}
