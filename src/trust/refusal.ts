import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import { readQuietly } from '../certificate/openssl-errors.js';
import { printable } from '../certificate/printable.js';
import { validityOf } from '../certificate/validity.js';
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
  const words = (WORDS[reason] ?? chainRefused)(context);
  return {
    trusted: false,
    reason,
    message: words.message,
    expected: words.expected,
    presented: words.presented,
    hint: words.hint,
    detail: context.detail,
  };
}

interface Words {
  readonly message: string;
  readonly expected?: string | undefined;
  readonly presented?: string | undefined;
  readonly hint?: string | undefined;
}

const chainRefused = ({ policy, leaf, detail }: RefusalContext): Words => ({
  message: `its certificate chain is refused (${detail ?? 'no certificate could be read'})`,
  expected: anchorsOf(policy),
  presented: leaf && nameOf(leaf),
  hint: 'Run fetchPeerCertificate(url) to see the chain and everything that is wrong with it.',
});

const WORDS: Readonly<Partial<Record<TrustErrorCode, (context: RefusalContext) => Words>>> = {
  MCP_TLS_SELF_SIGNED: ({ policy, leaf }) => ({
    message: 'its certificate is self-signed and is not one of the trust anchors',
    expected: anchorsOf(policy),
    presented: leaf && nameOf(leaf),
    hint: "Compare the fingerprint with the server's operator out of band; if it is right, pass the certificate as `trust` for this server.",
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
      message: 'its certificate was issued by an authority that is not trusted',
      expected,
      presented,
      hint:
        chain.length > 1
          ? "Pass the certificate of that authority (or the server's own) as `trust`."
          : "Pass the certificate of that authority (or the server's own) as `trust`; if you already did, the server may not send an intermediate certificate.",
    };
  },

  MCP_TLS_INCOMPLETE_CHAIN: ({ policy, leaf, chain }) => ({
    message: 'it does not send the intermediate certificate that leads to its issuer',
    expected: anchorsOf(policy),
    presented:
      leaf &&
      `${chain.length} certificate(s), the last issued by ${oneLine(chain.at(-1)?.issuer ?? '')}`,
    hint: 'Configure the server to send its full chain, or add the missing intermediate to `trust.ca`.',
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
    message: 'neither its key nor its certificate is a pinned one',
    expected: policy.pins.map(({ text }) => text).join('; '),
    presented: leaf && pinsOf(leaf),
    hint: "If the server's operator changed the key, compare the new fingerprint with them and renew the pin; otherwise this is not your server.",
  }),

  MCP_TLS_REVOKED: ({ leaf }) => ({
    message: 'its certificate, or one above it, has been revoked by its authority',
    presented: leaf && `${nameOf(leaf)}, serial number ${leaf.serialNumber}`,
    hint: 'The server needs a new certificate. Find out why this one was revoked.',
  }),

  MCP_TLS_CRL_UNUSABLE: ({ chain, detail }) => ({
    message: `a revocation list for its chain is missing or unusable (${detail})`,
    expected: 'a current list of every authority in the chain, the root included',
    presented: [...new Set(chain.map(({ issuer }) => oneLine(issuer)))].join('; '),
    hint: 'Fetch current revocation lists from the authorities and pass them as trust.crl.',
  }),

  MCP_TLS_EXPIRED: ({ leaf, chain, now }) => ({
    message: 'its certificate, or one above it, has expired',
    expected: `valid at ${now.toISOString()}`,
    presented: validity(chain.find((c) => validityOf(c).notAfter < now) ?? leaf),
    hint: 'Renew the certificate on the server, or correct the clock of this machine.',
  }),

  MCP_TLS_NOT_YET_VALID: ({ leaf, chain, now }) => ({
    message: 'its certificate, or one above it, is not valid yet',
    expected: `valid at ${now.toISOString()}`,
    presented: validity(chain.find((c) => validityOf(c).notBefore > now) ?? leaf),
    hint: 'Correct the clock of this machine or of the one that made the certificate.',
  }),

  MCP_TLS_WRONG_USAGE: ({ leaf, detail }) => ({
    message: `its certificate chain may not be used for a TLS server (${detail})`,
    expected: 'serverAuth, and authorities that may sign certificates',
    presented:
      leaf &&
      `extended key usage ${readQuietly(leaf, (c) => c.keyUsage)?.join(', ') ?? 'none'} in ${nameOf(leaf)}`,
    hint: 'Have the certificate reissued with extended key usage serverAuth, by an authority that may issue it.',
  }),

  MCP_TLS_WEAK: ({ leaf, detail }) => ({
    message: `a key or signature in its certificate chain is too weak (${detail})`,
    expected: 'RSA of 2048 bits or more, or an elliptic curve; SHA-256 or better',
    presented: leaf && nameOf(leaf),
    hint: 'Have the certificate reissued with a stronger key and signature.',
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
