import type { X509Certificate } from 'node:crypto';
import type { TrustErrorCode } from '../errors.js';
import type { CheckedTrustPolicy } from './check-trust-policy.js';
import { matchesPin } from './pin.js';
import { carriesIdentity, type ReferenceIdentity } from './reference-identity.js';
import { type Refusal, refusal } from './refusal.js';

/** What the server showed on one connection, and what OpenSSL said of its chain. */
export interface Presentation {
  /** The certificates as presented, leaf first. */
  readonly chain: readonly X509Certificate[];
  /**
   * Why OpenSSL refuses the chain under the policy's anchors: Node.js's code, or OpenSSL's sentence
   * where Node.js has none (its `UNSPECIFIED`); `null` if it accepts it.
   */
  readonly chainError: string | null;
}

/** The answer of {@link decide}: a value, so that forgetting to ask cannot mean "trusted". */
export type Verdict =
  | { readonly trusted: true; readonly by: 'chain' | 'chain and pin' | 'pin' | 'nothing' }
  | Refusal;

/**
 * Whether `policy` trusts the server that made this `presentation` under the name `identity`.
 *
 * Pure. Path building and signatures are OpenSSL's work and arrive as `chainError`; pins, the reference
 * identity, the leaf's validity at `now`, and which anchor may vouch for what are judged here.
 */
export function decide(
  policy: CheckedTrustPolicy,
  presentation: Presentation,
  identity: ReferenceIdentity,
  now: Date,
): Verdict {
  const { chain, chainError } = presentation;
  const leaf = chain[0];
  const refuse = (reason: TrustErrorCode) =>
    refusal(reason, { leaf, chain, policy, identity, now, detail: chainError ?? undefined });

  // No certificate to look at is never "ok", whatever OpenSSL said (a resumed session has none).
  if (leaf === undefined) return refuse('MCP_TLS_CHAIN_REFUSED');
  if (policy.identity === 'unchecked') return { trusted: true, by: 'nothing' };

  const pinned = policy.pins.length > 0;
  if (pinned && !policy.pins.some((pin) => matchesPin(leaf, pin))) {
    return refuse('MCP_TLS_PIN_MISMATCH');
  }
  // Before the chain: OpenSSL has one objection for the leaf and for those above it.
  if (now.getTime() < Date.parse(leaf.validFrom)) return refuse('MCP_TLS_NOT_YET_VALID');
  const ended = now.getTime() > Date.parse(leaf.validTo);
  if (ended && !policy.allowExpired) return refuse('MCP_TLS_EXPIRED');
  if (policy.identity === 'pin') return { trusted: true, by: 'pin' };

  // The pin above vouches for the key; that its certificate has ended was allowed.
  const excused = policy.allowExpired && chainError === 'CERT_HAS_EXPIRED';
  if (chainError !== null && !excused) return refuse(chainReason(chainError, chain, policy));
  if (signedByOwnCertificate(chain, policy)) return refuse(strangerReason(leaf));
  if (!carriesIdentity(leaf, identity)) return refuse('MCP_TLS_NAME_MISMATCH');
  return { trusted: true, by: pinned ? 'chain and pin' : 'chain' };
}

/**
 * Whether the chain leans on an anchor that vouches for itself only: somebody who has a server's own
 * key signed another certificate with it. OpenSSL accepts that where the anchor says CA:TRUE, is of
 * version 1, or has keyCertSign and no basicConstraints.
 */
function signedByOwnCertificate(
  chain: readonly X509Certificate[],
  { ownCertificates }: CheckedTrustPolicy,
): boolean {
  const isLeaf = (anchor: X509Certificate) => chain[0]?.raw.equals(anchor.raw) === true;
  if (ownCertificates.some(isLeaf)) return false;
  return ownCertificates.some((anchor) =>
    chain.some((certificate) => mayBeSignedBy(certificate, anchor)),
  );
}

/** By the key or, where its signature cannot be checked here, by the name alone: the safe side. */
function mayBeSignedBy(certificate: X509Certificate, anchor: X509Certificate): boolean {
  try {
    return certificate.verify(anchor.publicKey);
  } catch {
    return certificate.issuer === anchor.subject;
  }
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
  code: string,
  chain: readonly X509Certificate[],
  policy: CheckedTrustPolicy,
): TrustErrorCode {
  if (NO_ISSUER.has(code)) {
    return endsEarly(chain) ? 'MCP_TLS_INCOMPLETE_CHAIN' : 'MCP_TLS_UNKNOWN_ISSUER';
  }
  // Node.js has no code for these; the sentence is OpenSSL's (X509_verify_cert_error_string).
  if (/key too weak|digest algorithm too weak/.test(code)) return 'MCP_TLS_WEAK';
  const reason = REASONS.get(code) ?? 'MCP_TLS_CHAIN_REFUSED';
  // Of several objections OpenSSL reports the last. That there is no list for the authority of a
  // stranger would be the least of it.
  const stranger = reason === 'MCP_TLS_CRL_UNUSABLE' && !leadsToAnchor(chain, policy);
  return stranger ? strangerReason(chain[0] as X509Certificate) : reason;
}

function leadsToAnchor(
  chain: readonly X509Certificate[],
  { anchors, defaultRoots }: CheckedTrustPolicy,
): boolean {
  const related = (certificate: X509Certificate) =>
    anchors.some(
      (anchor) => anchor.raw.equals(certificate.raw) || mayBeSignedBy(certificate, anchor),
    );
  return defaultRoots || chain.some(related);
}

function strangerReason(leaf: X509Certificate): TrustErrorCode {
  return isSelfIssued(leaf) ? 'MCP_TLS_SELF_SIGNED' : 'MCP_TLS_UNKNOWN_ISSUER';
}

/**
 * Whether the server left out a certificate that it should have sent. OpenSSL cannot tell this from
 * an issuer that nobody knows. A last certificate that says where its issuer is to be fetched
 * (authority information access, RFC 5280 §4.2.2.1) can: private authorities that sign leaves
 * directly do not write that, public and corporate intermediates do.
 */
export function endsEarly(chain: readonly X509Certificate[]): boolean {
  const last = chain.at(-1);
  return last?.infoAccess?.includes('CA Issuers') === true && !isSelfIssued(last);
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}
