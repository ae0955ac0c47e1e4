import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import type { Problem, ProblemCode } from './find-problems.js';
import type { TrustPolicy } from './trust-policy.js';

/** What making the server's own certificate the only anchor puts right. */
const MENDED_BY_ANCHOR: ReadonlySet<ProblemCode> = new Set([
  'self-signed',
  'unknown-issuer',
  'incomplete-chain',
  'client-certificate-required',
]);

/** What is of no account where the pinned key is the identity. */
const MENDED_BY_PIN: ReadonlySet<ProblemCode> = new Set([
  ...MENDED_BY_ANCHOR,
  'chain-refused',
  'name-mismatch',
  'no-names',
  'expired',
  'wrong-usage',
  'weak-signature',
  'undecidable-signature',
]);

/**
 * The policy that trusts exactly the presented leaf, and nothing that another key signed: as the
 * anchor where its names are right (or can be made right by `serverName`), by its pinned key where
 * they are useless, or where it has expired.
 *
 * Not the presented root, even where there is one: a server says what it likes about its
 * authority, and an authority vouches for every other server too.
 *
 * @returns `null` if no policy is needed, `undefined` if none would do
 */
export function suggestPolicy(
  leaf: X509Certificate,
  problems: readonly Problem[],
  serverName: string | undefined,
): TrustPolicy | null | undefined {
  const name = serverName === undefined ? {} : { serverName };
  if (problems.every(({ code }) => code === 'client-certificate-required')) {
    return serverName === undefined ? null : name;
  }
  // Above an anchor or a pin nothing is looked at: what is wrong there is mended too.
  const left = problems.filter(
    ({ code, certificate = 0 }) => certificate === 0 && !MENDED_BY_ANCHOR.has(code),
  );
  if (left.length === 0) return { ca: leaf.toString(), ...name };
  const usable = usableName(leaf);
  if (usable !== undefined && left.every(({ code }) => code === 'name-mismatch')) {
    return { ca: leaf.toString(), serverName: usable };
  }
  if (!left.every(({ code }) => MENDED_BY_PIN.has(code))) return undefined;
  const expired = left.some(({ code }) => code === 'expired') ? { allowExpired: true } : {};
  return { identity: 'pin', pins: [spkiPin(leaf)], ...expired, ...name };
}

/** A name that the certificate does carry: the first that is no wildcard. */
function usableName(leaf: X509Certificate): string | undefined {
  for (const entry of leaf.subjectAltName?.split(', ') ?? []) {
    const name = /^(?:DNS|IP Address):([^*"\s]+)$/.exec(entry)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}
