// Not `* as`: webpack makes imports by name of that, and older lines of Node.js lack some.
import tls from 'node:tls';
import type { HeldCertificate } from '../held-certificate.js';
import { NotApplicable, type Stage } from './battery-check.js';

/**
 * Makes `ca` one of the default roots of this process until the check has ended. There is no other
 * way to stand a test server under a public root. Only for checks that run alone.
 *
 * @throws {NotApplicable} where Node.js has no such function (before 22.19 and 24.5)
 */
export function addDefaultRoot(stage: Stage, ca: HeldCertificate): void {
  const { getCACertificates, setDefaultCACertificates } = tls as {
    getCACertificates?: (type: 'default') => string[];
    setDefaultCACertificates?: (certificates: readonly string[]) => void;
  };
  if (getCACertificates === undefined || setDefaultCACertificates === undefined) {
    throw new NotApplicable(
      `the default roots of a running Node.js ${process.versions.node} cannot be changed (22.19 and 24.5 can)`,
    );
  }
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, ca.pem]);
  stage.onEnd(() => setDefaultCACertificates(before));
}
