import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import { readQuietly } from '../certificate/openssl-errors.js';
import { brief, briefNames, printable } from '../certificate/printable.js';
import { validityOf } from '../certificate/validity.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import type { TrustErrorCode } from '../errors.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { presentedNames } from './reference-identity.js';
import {
  expiryAdvice,
  type HintContext,
  issuerAdvice,
  nameAdvice,
  strangerAdvice,
} from './refusal-hints.js';

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

interface RefusalContext extends HintContext {
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

  MCP_TLS_SELF_SIGNED: (context) => ({
    expected: anchorsOf(context.policy),
    presented: context.leaf && nameOf(context.leaf),
    ...strangerAdvice(
      context,
      'its certificate is self-signed, and is another one than the one that is trusted',
    ),
  }),

  MCP_TLS_UNKNOWN_ISSUER: (context) => {
    const { policy, leaf, chain } = context;
    return {
      expected: anchorsOf(policy),
      presented:
        leaf && `issuer ${oneLine(chain.at(-1)?.issuer ?? leaf.issuer)} of ${nameOf(leaf)}`,
      ...issuerAdvice(context),
    };
  },

  MCP_TLS_INCOMPLETE_CHAIN: ({ policy, leaf, chain }) => ({
    expected: anchorsOf(policy),
    presented:
      leaf &&
      `${chain.length} certificate(s), the last issued by ${oneLine(chain.at(-1)?.issuer ?? '')}`,
  }),

  MCP_TLS_NAME_MISMATCH: (context) => {
    const { identity, leaf } = context;
    const names = leaf && presentedNames(leaf);
    return {
      message: `its certificate is not for '${identity.value}'`,
      expected: `${LABELS[identity.kind]}:${identity.value}`,
      presented:
        names === undefined
          ? `no subjectAltName (subject ${oneLine(leaf?.subject ?? '')})`
          : briefNames(names),
      ...nameAdvice(context),
    };
  },

  MCP_TLS_PIN_MISMATCH: ({ policy, leaf }) => ({
    expected: policy.pins.map(({ text }) => text).join('; '),
    presented: leaf && pinsOf(leaf),
  }),

  MCP_TLS_REVOKED: ({ leaf }) => ({
    presented: leaf && `${nameOf(leaf)}, serial number ${brief(leaf.serialNumber)}`,
  }),

  MCP_TLS_CRL_UNUSABLE: ({ chain, detail }) => ({
    message: `a revocation list for its chain is missing or unusable (${detail})`,
    expected: 'a current list of every authority in the chain, the root included',
    presented: brief([...new Set(chain.map(({ issuer }) => oneLine(issuer)))].join('; ')),
  }),

  MCP_TLS_EXPIRED: (context) => {
    const { leaf, chain, now } = context;
    return {
      expected: `valid at ${now.toISOString()}`,
      presented: validity(chain.find((c) => validityOf(c).notAfter < now) ?? leaf),
      ...expiryAdvice(context),
    };
  },

  MCP_TLS_NOT_YET_VALID: ({ leaf, chain, now }) => ({
    expected: `valid at ${now.toISOString()}`,
    presented: validity(chain.find((c) => validityOf(c).notBefore > now) ?? leaf),
  }),

  MCP_TLS_WRONG_USAGE: ({ leaf, detail }) => ({
    message: `its certificate chain may not be used for a TLS server (${detail})`,
    expected: 'serverAuth, and authorities that may sign certificates',
    presented:
      leaf &&
      `extended key usage ${brief(readQuietly(leaf, (c) => c.keyUsage)?.join(', ') ?? 'none')} in ${nameOf(leaf)}`,
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
  if (policy.systemRoots) names.push('the roots of the operating system');
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

/**
 * Node.js prints one attribute a line and escapes only the control characters of ASCII within them. Of an empty
 * name, and of one that it cannot print, there is none.
 */
function oneLine(name: string | undefined): string {
  const line = printable((name ?? '').replaceAll('\n', ', '));
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

/** As Node.js prints them. */
const LABELS = { ip: 'IP Address', dns: 'DNS', uri: 'URI' } as const;
