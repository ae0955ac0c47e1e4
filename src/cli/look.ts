import { fetchPeerCertificate, type PeerCertificate, type TrustInput } from '../core.js';
import { readRouteOptions, textOption } from './arguments.js';
import type { ParsedArgs } from './command.js';

/** One look at a server under a policy, by the judge of the library, as the command line says it. */
export function lookAt(
  url: URL,
  args: ParsedArgs,
  trust: TrustInput,
  expectFingerprint?: string,
): Promise<PeerCertificate> {
  const serverName = textOption(args, 'server-name');
  return fetchPeerCertificate(url, {
    ...readRouteOptions(args),
    trust,
    // So that it is in a suggested policy, too. A URI is asked for by no name.
    ...(serverName === undefined || serverName.includes('://') ? {} : { serverName }),
    ...(expectFingerprint === undefined ? {} : { expectFingerprint }),
  });
}
