import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import { printedNames } from '../certificate/openssl-errors.js';
import { checkTrustPolicy, trustInCertificate, withDetails } from './check-trust-policy.js';
import { decide } from './decide.js';
import type { Presentation } from './presentation.js';
import { readReferenceIdentity } from './reference-identity.js';
import type { TrustByCa, TrustByPin } from './trust-policy.js';

/** Names of the certificate that are tried. */
const MAX_NAMES = 8;

/**
 * The policy that trusts exactly the presented leaf, and nothing that another key signed: its bytes
 * where its names are right (or can be made right by `serverName`), its pinned key where they are
 * useless, or where it has expired. Each candidate is put before {@link decide} with what was presented;
 * one that it refuses is not suggested.
 *
 * Not the presented root, even where there is one: a server says what it likes about its authority, and
 * an authority can issue for every other server too.
 *
 * @param serverName the caller's name for the server; @param host that of its URL
 * @returns `undefined` if none would do
 */
export function suggestPolicy(
  presentation: Presentation,
  host: string,
  serverName: string | undefined,
  now: Date,
): TrustByCa | TrustByPin | undefined {
  const [leaf] = presentation.chain;
  if (leaf === undefined) return undefined;
  return candidates(leaf, serverName).find((candidate) => {
    try {
      const { value } = readReferenceIdentity((candidate.serverName as string | undefined) ?? host);
      const details = { serverName: value };
      // The same policy as that of its PEM, without parsing it again.
      const policy =
        candidate.identity === 'pin'
          ? withDetails(checkTrustPolicy(candidate), details)
          : trustInCertificate(leaf, details);
      return decide(policy, presentation, readReferenceIdentity(value), now).trusted;
    } catch {
      // A name or key that no policy can hold.
      return false;
    }
  });
}

/**
 * Own certificates and pins only: OpenSSL's verdict in the presentation is that of another policy's
 * authorities, and {@link decide} sets it aside for these.
 */
function candidates(
  leaf: X509Certificate,
  serverName: string | undefined,
): readonly (TrustByCa | TrustByPin)[] {
  const name = serverName === undefined ? {} : { serverName };
  const own = { ca: leaf.toString(), authority: false } as const;
  const pin = { identity: 'pin', pins: [pinOf(leaf)], ...name } as const;
  return [
    { ...own, ...name },
    ...usableNames(leaf).map((usable) => ({ ...own, serverName: usable })),
    pin,
    { ...pin, allowExpired: true },
  ];
}

function pinOf(leaf: X509Certificate): string {
  try {
    return spkiPin(leaf);
  } catch {
    return leaf.fingerprint256;
  }
}

/** Names that the certificate does carry, without wildcards. */
function usableNames(leaf: X509Certificate): readonly string[] {
  const entries = printedNames(leaf)?.split(', ', 4 * MAX_NAMES) ?? [];
  return entries
    .map((entry) => /^(?:DNS|IP Address):([^*"\s]+)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined)
    .slice(0, MAX_NAMES);
}
