import type { X509Certificate } from 'node:crypto';
import type { CertificateDescription } from '../certificate/describe-certificate.js';
import { readQuietly } from '../certificate/openssl-errors.js';
import { brief, briefNames } from '../certificate/printable.js';
import { isStrongSignature } from '../certificate/signature-algorithms.js';
import type { ErrorCode } from '../errors.js';
import { endsEarly } from './chain-facts.js';
import { hasWeakKey, mayServe } from './leaf-fitness.js';
import type { Presentation } from './presentation.js';
import type { Problem, ProblemCode } from './problem.js';
import { carriesIdentity, presentedNames, type ReferenceIdentity } from './reference-identity.js';

/** A certificate with thousands of names or a chain of a hundred makes no longer a list than this. */
const MAX_PROBLEMS = 32;

export interface ExplanationContext {
  /** Why there is no trust; `undefined`: there is. */
  readonly refusal:
    | {
        readonly reason: ErrorCode;
        readonly message: string;
        readonly detail?: string | undefined;
      }
    | undefined;
  readonly presentation: Presentation;
  /** Of the certificates of the chain, from the first on; `undefined` where there is none to be had. */
  readonly descriptions: readonly (CertificateDescription | undefined)[];
  readonly identity: ReferenceIdentity;
  readonly now: Date;
  /** The TLS version that was spoken. */
  readonly protocol: string | undefined;
}

/**
 * Explains a verdict: everything that is wrong with what was presented, not only the first thing that
 * was met. It never makes a verdict: where there is trust, `problems` is empty and anything odd is a
 * remark; where there is none, `problems` is not empty, and holds the reason of the refusal.
 */
export function explainVerdict(context: ExplanationContext): {
  readonly problems: readonly Problem[];
  readonly remarks: readonly Problem[];
} {
  const findings = findingsOf(context);
  const { refusal } = context;
  if (refusal === undefined) return { problems: [], remarks: findings.slice(0, MAX_PROBLEMS) };
  const codes: readonly ProblemCode[] =
    refusal.detail === 'DH_KEY_TOO_SMALL'
      ? ['weak-key-exchange']
      : (CODES[refusal.reason] ?? ['chain-refused']);
  const named = findings.filter(({ code }) => codes.includes(code));
  const others = findings.filter(({ code }) => !codes.includes(code));
  const problems = [
    ...(named.length > 0 ? named : [reasonOf(codes[0], refusal.message)]),
    ...others,
  ];
  return { problems: problems.slice(0, MAX_PROBLEMS), remarks: [] };
}

function reasonOf(code: ProblemCode = 'chain-refused', message: string): Problem {
  return OF_NO_ONE_CERTIFICATE.has(code) ? { code, message } : { code, message, certificate: 0 };
}

/** Findings that say the same as a refusal; the first is made of the refusal where there is none. */
const CODES: Readonly<Partial<Record<ErrorCode, readonly ProblemCode[]>>> = {
  MCP_TLS_SELF_SIGNED: ['self-signed', 'undecidable-signature'],
  MCP_TLS_UNKNOWN_ISSUER: ['unknown-issuer'],
  MCP_TLS_INCOMPLETE_CHAIN: ['incomplete-chain'],
  MCP_TLS_NAME_MISMATCH: ['name-mismatch', 'no-names'],
  MCP_TLS_PIN_MISMATCH: ['pin-mismatch'],
  MCP_TLS_REVOKED: ['revoked'],
  MCP_TLS_EXPIRED: ['expired'],
  MCP_TLS_NOT_YET_VALID: ['not-yet-valid'],
  MCP_TLS_WRONG_USAGE: ['wrong-usage'],
  MCP_TLS_WEAK: ['weak-key', 'weak-signature'],
  MCP_TLS_PROTOCOL_MISMATCH: ['handshake-failed', 'old-protocol'],
  MCP_TLS_HANDSHAKE_FAILED: ['handshake-failed'],
  MCP_TLS_UNREACHABLE: ['handshake-failed'],
  MCP_TLS_CLIENT_CERTIFICATE_REQUIRED: ['client-certificate-required'],
  MCP_TLS_CLIENT_CERTIFICATE_REFUSED: ['client-certificate-refused'],
};

const OF_NO_ONE_CERTIFICATE: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'handshake-failed',
  'weak-key-exchange',
  'client-certificate-required',
  'client-certificate-refused',
  'pin-mismatch',
  'chain-refused',
]);

function findingsOf(context: ExplanationContext): readonly Problem[] {
  const leaf = context.presentation.chain[0];
  if (leaf === undefined) return [];
  return [
    ...protocolFindings(context),
    ...issuerFindings(context),
    ...nameFindings(leaf, context.identity),
    ...context.descriptions.flatMap((d, i) => (d ? validityFindings(d, i, context.now) : [])),
    ...usageFindings(leaf),
    ...context.descriptions.flatMap((description, i) =>
      strengthFindings(context.presentation.chain[i], description, i),
    ),
  ];
}

function protocolFindings({ protocol }: ExplanationContext): readonly Problem[] {
  if (protocol === undefined || /^TLSv1\.[23]$/.test(protocol)) return [];
  const message = `the server speaks only ${protocol}, which is not safe (RFC 8996)`;
  return [{ code: 'old-protocol', message }];
}

function issuerFindings({
  refusal,
  presentation: { chain, chainError },
  descriptions,
}: ExplanationContext): readonly Problem[] {
  const [leaf] = descriptions;
  const last = descriptions.findLast((one) => one !== undefined);
  if (!leaf || !last || refusal === undefined || chainError === null) return [];
  if (leaf.isSelfSigned === true) {
    return [{ code: 'self-signed', message: 'signed with its own key', certificate: 0 }];
  }
  if (leaf.isSelfSigned === undefined) {
    const message = `names itself as issuer, but this Node.js cannot verify ${brief(leaf.signatureAlgorithm.name)}`;
    return [{ code: 'undecidable-signature', message, certificate: 0 }];
  }
  if (
    !/ISSUER/.test(refusal.reason) &&
    !/ISSUER|SELF_SIGNED|LEAF_SIGNATURE/.test(chainError ?? '')
  ) {
    return [];
  }
  const certificate = chain.length - 1;
  if (endsEarly(chain)) {
    const message = `the intermediate certificate of ${brief(last.issuer)} is not sent`;
    return [{ code: 'incomplete-chain', message, certificate }];
  }
  const message = `issued by ${brief(last.issuer)}, which is not trusted here`;
  return [{ code: 'unknown-issuer', message, certificate }];
}

function nameFindings(leaf: X509Certificate, identity: ReferenceIdentity): readonly Problem[] {
  if (carriesIdentity(leaf, identity)) return [];
  const names = presentedNames(leaf);
  if (names === undefined) {
    const message = `carries no subjectAltName, so it is for no name at all (asked for ${identity.value})`;
    return [{ code: 'no-names', message, certificate: 0 }];
  }
  const message = `is for ${briefNames(names)}, not ${identity.value}`;
  return [{ code: 'name-mismatch', message, certificate: 0 }];
}

function validityFindings(
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

function usageFindings(leaf: X509Certificate): readonly Problem[] {
  if (mayServe(leaf)) return [];
  const usages = readQuietly(leaf, (c) => c.keyUsage)?.join(', ');
  const message = `may not be used for a TLS server (${usages === undefined ? 'key usage' : `extended key usage ${brief(usages)}`})`;
  return [{ code: 'wrong-usage', message, certificate: 0 }];
}

/** Below OpenSSL's security level 2 (112 bits), the default from OpenSSL 3.2 on. */
function strengthFindings(
  certificate: X509Certificate | undefined,
  description: CertificateDescription | undefined,
  index: number,
): readonly Problem[] {
  if (certificate === undefined || description === undefined) return [];
  const { key, signatureAlgorithm, isSelfSigned } = description;
  const problems: Problem[] = [];
  if (hasWeakKey(certificate)) {
    const size = key.bits === undefined ? (key.curve ?? 'unknown size') : `${key.bits} bits`;
    const message = `a weak ${key.type} key (${size})`;
    problems.push({ code: 'weak-key', message, certificate: index });
  }
  // Nobody relies on the signature of a self-signed certificate: it is trusted as a whole.
  if (isSelfSigned !== true && isStrongSignature(signatureAlgorithm.oid) === false) {
    const message = `signed with ${brief(signatureAlgorithm.name)}`;
    problems.push({ code: 'weak-signature', message, certificate: index });
  }
  return problems;
}
