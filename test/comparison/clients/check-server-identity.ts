import type { PeerCertificate } from 'node:tls';
import { Agent, fetch } from 'undici';
import type { MakeBatteryClient } from '../../../src/testing/index.js';
import { expectedFingerprints, isPinned } from '../support/fingerprints.js';
import { tlsOptions } from '../support/tls-options.js';

/**
 * Looks like pinning. Node.js calls the function only where the chain was in order, and with
 * `rejectUnauthorized: false` takes no notice of what it returns.
 */
export const makeClient: MakeBatteryClient = (policy) => {
  const expected = expectedFingerprints(policy);
  const checkServerIdentity = (_host: string, certificate: PeerCertificate) =>
    expected.includes(certificate.fingerprint256) && isPinned(certificate, policy.pins)
      ? undefined
      : new Error('the fingerprint is another');
  const dispatcher = new Agent({
    connect: { ...(tlsOptions(policy) as object), rejectUnauthorized: false, checkServerIdentity },
  });
  return Object.assign((url: string, init?: object) => fetch(url, { ...init, dispatcher }), {
    close: () => dispatcher.destroy(),
  });
};
