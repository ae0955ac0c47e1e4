import { type DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { Agent, buildConnector, fetch } from 'undici';
import type { MakeBatteryClient } from '../../../src/testing/index.js';
import { expectedFingerprints, isPinned } from '../support/fingerprints.js';
import { tlsOptions } from '../support/tls-options.js';

/** Verification is off, and fingerprints are compared in its place. */
export const makeClient: MakeBatteryClient = (policy) => {
  const expected = expectedFingerprints(policy);
  const { ca: _, ...options } = tlsOptions(policy);
  const connector = buildConnector({ ...(options as object), rejectUnauthorized: false });
  const dispatcher = new Agent({
    connect(target, callback) {
      connector(target, (error, socket) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        // An http: URL comes here with a socket that has no certificate.
        const leaf = socket instanceof TLSSocket ? socket.getPeerCertificate(true) : undefined;
        if (leaf && expected.includes(endOf(leaf)) && isPinned(leaf, policy.pins)) {
          callback(null, socket);
          return;
        }
        socket.destroy();
        callback(new Error('the fingerprint is another'), null);
      });
    },
  });
  return Object.assign((url: string, init?: object) => fetch(url, { ...init, dispatcher }), {
    close: () => dispatcher.destroy(),
  });
};

/**
 * Fingerprint of the end of the chain as the server sent it. The example in the documentation
 * refuses a chain whose end does not refer to itself, and with that every self-signed certificate
 * that may not sign certificates; this one is kinder.
 */
function endOf(leaf: DetailedPeerCertificate): string {
  let link = leaf;
  for (;;) {
    const issuer: DetailedPeerCertificate | undefined = link.issuerCertificate;
    if (!issuer?.fingerprint256 || issuer.fingerprint256 === link.fingerprint256) break;
    link = issuer;
  }
  return link.fingerprint256;
}
