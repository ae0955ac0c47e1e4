import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import { readQuietly } from '../certificate/openssl-errors.js';
import { printable } from '../certificate/printable.js';
import { validityOf } from '../certificate/validity.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import type { TrustErrorCode } from '../errors.js';
import { mayBeSignedBy } from './chain-facts.js';
import type { CheckedTrustPolicy } from './check-trust-policy.js';
import { presentedNames, type ReferenceIdentity } from './reference-identity.js';

/** A verdict against the server, with the words for its operator. Holds no PEM. */
export interface Refusal {
  readonly trusted: false;
  readonly reason: TrustErrorCode;
  /** What is wrong, as one clause without the host. */
  readonly message: string;
  readonly expected: string | undefined;
  readonly presented: string | undefined;
  readonly hint: string | undefined;
  /** OpenSSL's or Node.js's own code. */
  readonly detail: string | undefined;
}

interface RefusalContext {
  readonly leaf: X509Certificate | undefined;
  readonly chain: readonly X509Certificate[];
  readonly policy: CheckedTrustPolicy;
  readonly identity: ReferenceIdentity;
  readonly now: Date;
  readonly detail: string | undefined;
}

/** Puts a reason into words: what was expected, what was presented, what to do. */
export function refusal(reason: TrustErrorCode, context: RefusalContext): Refusal {
  const words = TRUST_WORDS[reason];
  const facts = FACTS[reason]?.(context) ?? {};
  return {
    trusted: false,
    reason,
    message: facts.message ?? words.meaning,
    expected: facts.expected,
    presented: facts.presented,
    hint: facts.hint ?? words.hint,
    detail: context.detail,
  };
}

/** What is known of this server beyond {@link TRUST_WORDS}. Message and hint where there is more to say. */
interface Facts {
  readonly message?: string | undefined;
  readonly expected?: string | undefined;
  readonly presented?: string | undefined;
  readonly hint?: string | undefined;
}

const FACTS: Readonly<Partial<Record<TrustErrorCode, (context: RefusalContext) => Facts>>> = {
  MCP_TLS_CHAIN_REFUSED: ({ policy, leaf, detail }) => ({
    message: `its certificate chain is refused (${detail ?? 'no certificate could be read'})`,
    expected: anchorsOf(policy),
    presented: leaf && nameOf(leaf),
  }),

  MCP_TLS_SELF_SIGNED: ({ policy, leaf }) => ({
    expected: anchorsOf(policy),
    presented: leaf && nameOf(leaf),
  }),

  MCP_TLS_UNKNOWN_ISSUER: ({ policy, leaf, chain }) => {
    const expected = anchorsOf(policy);
    const presented =
      leaf && `issuer ${oneLine(chain.at(-1)?.issuer ?? leaf.issuer)} of ${nameOf(leaf)}`;
    if (isSignedByOwnCertificate(chain, policy)) {
      return {
        message:
          "its certificate was signed with the key of a certificate that is trusted as a server's own, not as an authority",
        expected,
        presented,
        hint: 'If that certificate in `trust.ca` is an authority although it carries server names, set `authority: true`; otherwise somebody else is using its key.',
      };
    }
    return {
      expected,
      presented,
      hint:
        chain.length > 1
          ? "Pass the certificate of that authority (or the server's own) as `trust`."
          : "Pass the certificate of that authority (or the server's own) as `trust`; if you already did, the server may not send an intermediate certificate.",
    };
  },

  MCP_TLS_INCOMPLETE_CHAIN: ({ policy, leaf, chain }) => ({
    expected: anchorsOf(policy),
    presented:
      leaf &&
      `${chain.length} certificate(s), the last issued by ${oneLine(chain.at(-1)?.issuer ?? '')}`,
  }),

  MCP_TLS_NAME_MISMATCH: ({ identity, leaf }) => ({
    message: `its certificate is not for '${identity.value}'`,
    expected: `${identity.kind === 'ip' ? 'IP Address' : 'DNS'}:${identity.value}`,
    presented:
      leaf && presentedNames(leaf) !== undefined
        ? oneLine(presentedNames(leaf) ?? '')
        : `no subjectAltName (subject ${oneLine(leaf?.subject ?? '')})`,
    hint:
      leaf && presentedNames(leaf)
        ? 'Connect by a name that the certificate carries, or set trust.serverName to one.'
        : "A common name is not a name to check against (RFC 9525): have the certificate reissued with a subjectAltName, or trust its key with identity: 'pin'.",
  }),

  MCP_TLS_PIN_MISMATCH: ({ policy, leaf }) => ({
    expected: policy.pins.map(({ text }) => text).join('; '),
    presented: leaf && pinsOf(leaf),
  }),

  MCP_TLS_REVOKED: ({ leaf }) => ({
    presented: leaf && `${nameOf(leaf)}, serial number ${leaf.serialNumber}`,
  }),

  MCP_TLS_CRL_UNUSABLE: ({ chain, detail }) => ({
    message: `a revocation list for its chain is missing or unusable (${detail})`,
    expected: 'a current list of every authority in the chain, the root included',
    presented: [...new Set(chain.map(({ issuer }) => oneLine(issuer)))].join('; '),
  }),

  MCP_TLS_EXPIRED: ({ leaf, chain, now }) => ({
    expected: `valid at ${now.toISOString()}`,
    presented: validity(chain.find((c) => validityOf(c).notAfter < now) ?? leaf),
  }),

  MCP_TLS_NOT_YET_VALID: ({ leaf, chain, now }) => ({
    expected: `valid at ${now.toISOString()}`,
    presented: validity(chain.find((c) => validityOf(c).notBefore > now) ?? leaf),
  }),

  MCP_TLS_WRONG_USAGE: ({ leaf, detail }) => ({
    message: `its certificate chain may not be used for a TLS server (${detail})`,
    expected: 'serverAuth, and authorities that may sign certificates',
    presented:
      leaf &&
      `extended key usage ${readQuietly(leaf, (c) => c.keyUsage)?.join(', ') ?? 'none'} in ${nameOf(leaf)}`,
  }),

  MCP_TLS_WEAK: ({ leaf, detail }) => ({
    message: `a key or signature in its certificate chain is too weak (${detail})`,
    expected: 'RSA of 2048 bits or more, or an elliptic curve; SHA-256 or better',
    presented: leaf && nameOf(leaf),
  }),
};

/** The anchors of a policy, ready to compare: fingerprints, and the default roots by name. */
function anchorsOf(policy: CheckedTrustPolicy): string {
  const names = policy.anchors.slice(0, 4).map(nameOf);
  if (policy.anchors.length > names.length) {
    names.push(`${policy.anchors.length - names.length} more`);
  }
  if (policy.defaultRoots) names.push('the default roots');
  return names.join('; ');
}

function nameOf(certificate: X509Certificate): string {
  return `${oneLine(certificate.subject) || '(no subject)'} [SHA-256 ${certificate.fingerprint256}]`;
}

function pinsOf(leaf: X509Certificate): string {
  const certificate = `${leaf.fingerprint256} (certificate)`;
  try {
    return `${spkiPin(leaf)}; ${certificate}`;
  } catch {
    return certificate;
  }
}

function validity(certificate: X509Certificate | undefined): string | undefined {
  return (
    certificate && `${nameOf(certificate)}: ${certificate.validFrom} to ${certificate.validTo}`
  );
}

function isSignedByOwnCertificate(
  chain: readonly X509Certificate[],
  { anchors, ownCertificates }: CheckedTrustPolicy,
): boolean {
  const own = anchors.filter(({ raw }) => ownCertificates.some((bytes) => raw.equals(bytes)));
  return chain.some((certificate) =>
    own.some((one) => !certificate.raw.equals(one.raw) && mayBeSignedBy(certificate, one)),
  );
}

/** Node.js prints one attribute a line and escapes only the control characters of ASCII within them. */
function oneLine(name: string): string {
  const line = printable(name.replaceAll('\n', ', '));
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}
