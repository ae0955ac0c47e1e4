import type { X509Certificate } from 'node:crypto';
import type { CertificateDescription } from '../certificate/describe-certificate.js';
import { endsEarly } from './decide.js';
import { carriesIdentity, presentedNames, type ReferenceIdentity } from './reference-identity.js';

/** What can be wrong with a server's certificate. A closed union. */
export type ProblemCode =
  | 'self-signed'
  | 'unknown-issuer'
  | 'incomplete-chain'
  | 'chain-refused'
  | 'name-mismatch'
  | 'no-names'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-usage'
  | 'weak-key'
  | 'weak-signature'
  | 'undecidable-signature'
  | 'old-protocol'
  | 'client-certificate-required';

/** One thing that is wrong, in a form for programs (`code`) and one for people (`message`). */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** Which certificate of the chain: 0 is the server's own. Absent where it is the connection. */
  readonly certificate?: number;
}

/** What {@link findProblems} looks at. */
export interface ProblemContext {
  readonly chain: readonly X509Certificate[];
  /** One for each certificate of `chain`. */
  readonly descriptions: readonly CertificateDescription[];
  /** OpenSSL's objection under the anchors in question; `null`: none, `undefined`: it was not asked. */
  readonly chainError: string | null | undefined;
  readonly identity: ReferenceIdentity;
  readonly now: Date;
}

/**
 * Everything that is wrong with a presented chain, not only the first thing that OpenSSL meets.
 * Pure. An empty list means that a client with these anchors and this name would connect.
 */
export function findProblems(context: ProblemContext): readonly Problem[] {
  const leaf = context.chain[0];
  if (leaf === undefined) return [];
  return [
    ...issuerProblems(context),
    ...nameProblems(leaf, context.identity),
    ...context.descriptions.flatMap((d, i) => validityProblems(d, i, context.now)),
    ...usageProblems(context.descriptions[0]),
    ...context.descriptions.flatMap(strengthProblems),
  ];
}

function issuerProblems({ chain, descriptions, chainError }: ProblemContext): readonly Problem[] {
  const [leaf] = descriptions;
  const last = descriptions.at(-1);
  if (!leaf || !last || chainError === null) return [];
  if (leaf.selfSigned === true) {
    return [{ code: 'self-signed', message: 'signed with its own key', certificate: 0 }];
  }
  if (leaf.selfSigned === 'undecidable') {
    const message = `names itself as issuer, but this Node.js cannot verify ${leaf.signatureAlgorithm.name}`;
    return [{ code: 'undecidable-signature', message, certificate: 0 }];
  }
  if (chainError !== undefined && !/ISSUER|SELF_SIGNED|LEAF_SIGNATURE/.test(chainError)) {
    // Expiry and the like have problems of their own below.
    if (/EXPIRED|NOT_YET_VALID|INVALID_PURPOSE|too weak/.test(chainError)) return [];
    return [{ code: 'chain-refused', message: `OpenSSL refuses the chain: ${chainError}` }];
  }
  const certificate = chain.length - 1;
  if (endsEarly(chain)) {
    const message = `the intermediate certificate of ${last.issuer} is not sent`;
    return [{ code: 'incomplete-chain', message, certificate }];
  }
  const message = `issued by ${last.issuer}, which is not trusted here`;
  return [{ code: 'unknown-issuer', message, certificate }];
}

function nameProblems(leaf: X509Certificate, identity: ReferenceIdentity): readonly Problem[] {
  if (carriesIdentity(leaf, identity)) return [];
  const names = presentedNames(leaf);
  if (names === undefined) {
    const message = `carries no subjectAltName, so it is for no name at all (asked for ${identity.value})`;
    return [{ code: 'no-names', message, certificate: 0 }];
  }
  return [
    { code: 'name-mismatch', message: `is for ${names}, not ${identity.value}`, certificate: 0 },
  ];
}

function validityProblems(
  { notBefore, notAfter }: CertificateDescription,
  certificate: number,
  now: Date,
): readonly Problem[] {
  if (notAfter < now) {
    return [{ code: 'expired', message: `expired on ${notAfter.toISOString()}`, certificate }];
  }
  if (notBefore > now) {
    const message = `not valid before ${notBefore.toISOString()}`;
    return [{ code: 'not-yet-valid', message, certificate }];
  }
  return [];
}

/** RFC 5280 §4.2.1.12: an extended key usage that lacks serverAuth (and anyExtendedKeyUsage) forbids it. */
function usageProblems(leaf: CertificateDescription | undefined): readonly Problem[] {
  const usages = leaf?.extendedKeyUsages ?? [];
  if (usages.length === 0 || usages.includes('serverAuth') || usages.includes('any')) return [];
  const message = `may be used for ${usages.join(', ')}, but not for a TLS server`;
  return [{ code: 'wrong-usage', message, certificate: 0 }];
}

/** Below OpenSSL's security level 2 (112 bits), the default from OpenSSL 3.2 on. */
function strengthProblems(
  { key, signatureAlgorithm, selfSigned }: CertificateDescription,
  certificate: number,
): readonly Problem[] {
  const problems: Problem[] = [];
  const least = /^(rsa|dsa)/i.test(key.type) ? 2048 : 224;
  // The names of curves tell their size: prime192v1, secp224r1, brainpoolP160r1.
  const bits = key.bits ?? Number(/\d{3}/.exec(key.curve ?? '')?.[0] ?? Number.NaN);
  if (bits < least) {
    const message = `${key.type} key of only ${bits} bits`;
    problems.push({ code: 'weak-key', message, certificate });
  }
  // Nobody relies on the signature of a self-signed certificate: it is trusted as a whole.
  if (selfSigned !== true && /md[245]|sha-?1(?!\d)/i.test(signatureAlgorithm.name)) {
    const message = `signed with ${signatureAlgorithm.name}`;
    problems.push({ code: 'weak-signature', message, certificate });
  }
  return problems;
}
