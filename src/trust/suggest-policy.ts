import type { X509Certificate } from 'node:crypto';
import type { Problem, ProblemCode } from './find-problems.js';
import type { TrustPolicy } from './trust-policy.js';

/** What making the server's own certificate the only anchor puts right. */
const MENDED_BY_ANCHOR: ReadonlySet<ProblemCode> = new Set([
  'self-signed',
  'unknown-issuer',
  'incomplete-chain',
  'client-certificate-required',
]);

/**
 * The policy that trusts exactly the presented leaf, and nothing that another key signed.
 *
 * Not the presented root, even where there is one: a server says what it likes about its
 * authority, and an authority vouches for every other server too.
 *
 * @returns `null` if no policy is needed, `undefined` if none would do
 */
export function suggestPolicy(
  chain: readonly X509Certificate[],
  problems: readonly Problem[],
  serverName: string | undefined,
): TrustPolicy | null | undefined {
  const leaf = chain[0];
  if (leaf === undefined) return undefined;
  const left = problems.filter(({ code }) => !MENDED_BY_ANCHOR.has(code));
  const name = serverName === undefined ? {} : { serverName };
  if (problems.every(({ code }) => code === 'client-certificate-required')) {
    return serverName === undefined ? null : name;
  }
  // Above an anchor nothing is looked at: what is wrong there is mended too.
  const onLeaf = left.filter(({ certificate }) => certificate === undefined || certificate === 0);
  if (onLeaf.length === 0) return { ca: leaf.toString(), ...name };
  if (onLeaf.some(({ code }) => code !== 'name-mismatch')) return undefined;
  const usable = usableName(leaf);
  return usable === undefined ? undefined : { ca: leaf.toString(), serverName: usable };
}

/** A name that the certificate does carry: the first that is no wildcard. */
function usableName(leaf: X509Certificate): string | undefined {
  for (const entry of leaf.subjectAltName?.split(', ') ?? []) {
    const name = /^(?:DNS|IP Address):([^*"\s]+)$/.exec(entry)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}
