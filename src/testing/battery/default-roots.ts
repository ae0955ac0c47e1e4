// Not `* as`: webpack makes imports by name of that, and older lines of Node.js lack some.
import tls from 'node:tls';
import type { HeldCertificate } from '../held-certificate-options.js';
import { NotApplicable, type Stage } from './battery-check.js';
import { mustBeAccepted } from './effect.js';

interface RootFunctions {
  readonly getCACertificates?: (type: 'default') => string[];
  readonly setDefaultCACertificates?: (certificates: readonly string[]) => void;
}

/** Why the default roots of this process cannot be changed, if so: before Node.js 22.19 and 24.5. */
export function fixedDefaultRoots(): NotApplicable | undefined {
  const { getCACertificates, setDefaultCACertificates } = tls as RootFunctions;
  if (getCACertificates !== undefined && setDefaultCACertificates !== undefined) return undefined;
  return new NotApplicable(
    `the default roots of a running Node.js ${process.versions.node} cannot be changed (22.19 and 24.5 can)`,
  );
}

/**
 * Makes `ca` one of the default roots of this process until the check has ended. There is no other
 * way to stand a test server under a public root. Only for checks that run alone, and whose `hindrance` is
 * {@link fixedDefaultRoots}.
 *
 * @throws {NoEffect} where connections do not ask for these roots
 */
export async function addDefaultRoot(stage: Stage, ca: HeldCertificate): Promise<void> {
  const { getCACertificates, setDefaultCACertificates } =
    tls as RootFunctions as Required<RootFunctions>;
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, ca.pem]);
  stage.onEnd(() => setDefaultCACertificates(before));
  const certificate = await stage.certificate({ signedBy: ca });
  await mustBeAccepted(stage, certificate, 'a default root was added');
}
