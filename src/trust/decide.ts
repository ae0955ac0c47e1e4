import type { X509Certificate } from 'node:crypto';
import { keyBeyondBounds } from '../certificate/key-bounds.js';
import type { TrustErrorCode } from '../errors.js';
import { endsEarly, mayBeSignedBy, maySignItself } from './chain-facts.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { factsOf } from './leaf-facts.js';
import { matchesPin } from './pin.js';
import type { Presentation } from './presentation.js';
import { carriesIdentity, type ReferenceIdentity } from './reference-identity.js';
import { type Refusal, refusal } from './refusal.js';
import { leadsToAuthority } from './verify-path.js';

/** What a server is trusted by. */
export type TrustedBy =
  | 'chain'
  | 'certificate'
  | 'pin'
  | 'chain and pin'
  | 'certificate and pin'
  | 'nothing';

/** The answer of {@link decide}: a value, so that forgetting to ask cannot mean "trusted". */
export type Verdict = { readonly trusted: true; readonly by: TrustedBy } | Refusal;

/**
 * Whether `policy` trusts the server that made this `presentation` under the name `identity`. **The one
 * place where that is decided**: for clients, probes, registration, renewal and watching alike.
 *
 * Pure, but for what it remembers of certificates' bytes ({@link factsOf}). OpenSSL builds paths from the presented certificates to authorities and roots; what it said
 * arrives as `chainError`. A server's own certificate is known by its bytes and a pinned one by its
 * digest: there OpenSSL's verdict is set aside, what is presented above has no say, and what that
 * verdict would have carried (strength, usage, validity) is judged here.
 */
export function decide(
  policy: CheckedTrustPolicy,
  presentation: Presentation,
  identity: ReferenceIdentity,
  now: Date,
): Verdict {
  const { chain, isWhole, chainError } = presentation;
  const leaf = chain[0];
  const objection = chainError ?? undefined;
  const refuse = (reason: TrustErrorCode, detail: string | undefined) =>
    refusal(reason, { leaf, chain, policy, identity, now, detail });

  // No certificate to look at is never "ok", whatever OpenSSL said (a resumed session has none).
  if (leaf === undefined) return refuse('MCP_TLS_CHAIN_REFUSED', 'no certificate could be read');
  if (policy.identity === 'unchecked') return { trusted: true, by: 'nothing' };
  // RFC 5280 §4.1: DER. What is encoded otherwise is read one way here and another way there.
  const facts = factsOf(leaf, policy);
  if (!facts.isDer) return refuse('MCP_TLS_CHAIN_REFUSED', 'invalid certificate encoding');
  // What was not looked at is refused.
  if (!isWhole) return refuse('MCP_TLS_CHAIN_REFUSED', `more than ${chain.length} certificates`);

  if (facts.heavy !== undefined) return refuse('MCP_TLS_CHAIN_REFUSED', facts.heavy);

  const pinned = policy.pins.length > 0;
  if (pinned && !policy.pins.some((pin) => matchesPin(leaf, pin))) {
    return refuse('MCP_TLS_PIN_MISMATCH', objection);
  }
  // Before the chain: OpenSSL has one objection for the leaf and for those above it. Written so that a
  // date that cannot be read is none within which the certificate is valid.
  const { notBefore, notAfter } = facts.validity;
  if (!(now >= notBefore)) {
    return refuse('MCP_TLS_NOT_YET_VALID', objection);
  }
  const hasEnded = !(now <= notAfter);
  if (hasEnded && (!policy.allowExpired || Number.isNaN(notAfter.getTime()))) {
    return refuse('MCP_TLS_EXPIRED', objection);
  }

  const isOwn = policy.ownCertificates.some((own) => leaf.raw.equals(own));
  if (isOwn || policy.identity === 'pin') {
    const unfit = facts.unfitness(leaf);
    if (unfit !== undefined) return refuse(unfit.reason, unfit.detail);
    if (policy.identity === 'pin') return { trusted: true, by: 'pin' };
    if (!carriesIdentity(leaf, identity)) return refuse('MCP_TLS_NAME_MISMATCH', undefined);
    return { trusted: true, by: pinned ? 'certificate and pin' : 'certificate' };
  }

  if (!policy.trustsChains) {
    return refuse(strangerReason(leaf), objection);
  }
  // Keys over a bound are not verified with, so a chain with one is refused.
  const above = chain
    .slice(1)
    .map(keyBeyondBounds)
    .find((one) => one !== undefined);
  if (above !== undefined) return refuse('MCP_TLS_CHAIN_REFUSED', above);
  const excused = hasEnded && chainError === 'CERT_HAS_EXPIRED';
  if (chainError !== null && !excused) {
    return refuse(chainReason(chainError, chain, policy), objection);
  }
  // OpenSSL reports the last of several objections, and an expired leaf is nearly always the last.
  if (excused && !leadsToAuthority(chain, policy.authorities, now)) {
    return refuse('MCP_TLS_EXPIRED', objection);
  }
  if (!carriesIdentity(leaf, identity)) return refuse('MCP_TLS_NAME_MISMATCH', undefined);
  return { trusted: true, by: pinned ? 'chain and pin' : 'chain' };
}

/** Node.js's names for X509_V_ERR_* (its `src/crypto/crypto_common.cc`) that have one meaning for us. */
const REASONS: ReadonlyMap<string, TrustErrorCode> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'MCP_TLS_SELF_SIGNED'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'MCP_TLS_UNKNOWN_ISSUER'],
  ['CERT_HAS_EXPIRED', 'MCP_TLS_EXPIRED'],
  ['CERT_NOT_YET_VALID', 'MCP_TLS_NOT_YET_VALID'],
  ['INVALID_PURPOSE', 'MCP_TLS_WRONG_USAGE'],
  ['INVALID_CA', 'MCP_TLS_WRONG_USAGE'],
  ['PATH_LENGTH_EXCEEDED', 'MCP_TLS_WRONG_USAGE'],
  ['CERT_REVOKED', 'MCP_TLS_REVOKED'],
  ['UNABLE_TO_GET_CRL', 'MCP_TLS_CRL_UNUSABLE'],
  ['CRL_NOT_YET_VALID', 'MCP_TLS_CRL_UNUSABLE'],
  ['CRL_HAS_EXPIRED', 'MCP_TLS_CRL_UNUSABLE'],
  ['CRL_SIGNATURE_FAILURE', 'MCP_TLS_CRL_UNUSABLE'],
]);

const NO_ISSUER = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function chainReason(
  code: string | undefined,
  chain: readonly X509Certificate[],
  policy: CheckedTrustPolicy,
): TrustErrorCode {
  if (code === undefined) return 'MCP_TLS_CHAIN_REFUSED';
  if (NO_ISSUER.has(code)) {
    return endsEarly(chain) ? 'MCP_TLS_INCOMPLETE_CHAIN' : 'MCP_TLS_UNKNOWN_ISSUER';
  }
  // Node.js has no code for these; the sentence is OpenSSL's (X509_verify_cert_error_string).
  if (/key too weak|digest algorithm too weak/.test(code)) return 'MCP_TLS_WEAK';
  const reason = REASONS.get(code) ?? 'MCP_TLS_CHAIN_REFUSED';
  // Of several objections OpenSSL reports the last. That there is no list for the authority of a
  // stranger would be the least of it.
  const stranger = reason === 'MCP_TLS_CRL_UNUSABLE' && !isRelated(chain, policy);
  return stranger ? strangerReason(chain[0] as X509Certificate) : reason;
}

function isRelated(
  chain: readonly X509Certificate[],
  { authorities, defaultRoots, systemRoots }: CheckedTrustPolicy,
): boolean {
  const related = (certificate: X509Certificate) =>
    authorities.some(
      (anchor) => anchor.raw.equals(certificate.raw) || mayBeSignedBy(certificate, anchor),
    );
  return defaultRoots || systemRoots || chain.some(related);
}

function strangerReason(leaf: X509Certificate): TrustErrorCode {
  return maySignItself(leaf) ? 'MCP_TLS_SELF_SIGNED' : 'MCP_TLS_UNKNOWN_ISSUER';
}
