import type { X509Certificate } from 'node:crypto';
import { spkiPin } from '../certificate/fingerprint.js';
import { validityOf } from '../certificate/validity.js';
import { mayBeSignedBy } from './chain-facts.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { presentedNames, type ReferenceIdentity } from './reference-identity.js';

/**
 * What to do about a refusal, by what is in hand: was a pin met, is it another certificate than the trusted
 * one, what does it name? `undefined`: no more than the words of the code say. A pin is given ready to paste
 * only of a certificate that is trusted by its bytes: of any other, a person has to compare it first.
 */

export interface HintContext {
  readonly leaf: X509Certificate | undefined;
  readonly chain: readonly X509Certificate[];
  readonly policy: CheckedTrustPolicy;
  readonly identity: ReferenceIdentity;
  readonly now: Date;
}

export interface Advice {
  readonly message?: string;
  readonly hint?: string;
}

/**
 * For a leaf that nothing in the policy trusts.
 *
 * @param message for where another certificate is trusted, which must be the server's: there `hint` is given
 */
export function strangerAdvice({ leaf, policy }: HintContext, message: string): Advice {
  // A pin that is not met is refused before.
  if (policy.pins.length > 0) {
    return {
      hint: "A pin of the policy is met. Pins hold in addition to the chain here: to trust the pinned key or certificate alone, write `{ identity: 'pin', pins }`; otherwise give that certificate, or the CA that issued it, as `ca`.",
    };
  }
  const trusted = policy.anchors.filter((anchor) => isServers(anchor, leaf, policy));
  if (leaf === undefined || trusted.length === 0) return {};
  const kept = trusted.some((one) => sameKey(one, leaf));
  return {
    message,
    hint: kept
      ? `It has the key of the trusted one: the operator has most likely renewed it. Compare the new fingerprint with them out of band, then give the new certificate as \`trust\`. A pin of the key outlives renewals that keep it: \`{ identity: 'pin', pins: '${pinOf(leaf)}' }\`.`
      : 'If the operator of the server renewed it, compare the new fingerprint with them out of band, then give the `suggestedPolicy` of fetchPeerCertificate(url), or the new certificate, as `trust`; otherwise somebody else answers.',
  };
}

/** For a chain that ends in an authority that is not trusted. */
export function issuerAdvice(context: HintContext): Advice {
  const { chain, policy } = context;
  if (isSignedByOwnCertificate(chain, policy)) {
    return {
      message:
        "its certificate was signed with the key of a certificate that is trusted as a server's own, not as an authority",
      hint: 'If that certificate in `trust.ca` is an authority although it carries server names, set `authority: true`; otherwise somebody else is using its key.',
    };
  }
  const advice = strangerAdvice(
    context,
    'its certificate was issued by an authority, and is another one than the one that is trusted',
  );
  if (advice.hint !== undefined || chain.length > 1) return advice;
  return {
    hint: "Give the certificate of that authority as `trust: { ca, authority: true }`, or the server's own as `trust`; if you already did, the server may not send an intermediate certificate.",
  };
}

export function nameAdvice({ leaf, identity, policy }: HintContext): Advice {
  if (leaf === undefined) return {};
  const pin = policy.anchors.some(({ raw }) => raw.equals(leaf.raw))
    ? `trust its key alone: \`{ identity: 'pin', pins: '${pinOf(leaf)}' }\``
    : "trust its key alone, after you compared it with its operator: `{ identity: 'pin', pins }`";
  const names = presentedNames(leaf);
  const entry = `${identity.kind === 'dns' ? 'DNS' : identity.kind === 'ip' ? 'IP' : 'URI'}:${identity.value}`;
  if (names === undefined) {
    return {
      hint: `A common name is not a name to check against (RFC 9525): have the certificate reissued with the subjectAltName ${entry}, or ${pin}.`,
    };
  }
  if (identity.kind === 'uri') {
    return {
      hint: 'It must carry exactly this URI, and no other URI; one of SPIFFE must not be a signing certificate. Compare it with `trust.serverName.uri`.',
    };
  }
  if (/^URI:[^,]*$/.test(names)) {
    return {
      hint: `It names a URI only, as those of SPIFFE do: give the authority that issued it as \`ca\`, and \`serverName: { uri: '...' }\` with the URI that you expect; or ${pin}.`,
    };
  }
  if (identity.kind === 'ip' && names.split(', ').includes(`DNS:${identity.value}`)) {
    return {
      hint: `It carries the address as a DNS name, which is no address (RFC 9525): have it reissued with the subjectAltName ${entry}, or ${pin}. \`serverName\` does not help.`,
    };
  }
  return {
    hint: `Connect by a name that the certificate carries, or set \`serverName\` to one; if it names nothing useful, ${pin}.`,
  };
}

export function expiryAdvice({ leaf, now, policy }: HintContext): Advice {
  if (leaf === undefined || validityOf(leaf).notAfter >= now) return {};
  const isGiven = policy.anchors.some(({ raw }) => raw.equals(leaf.raw));
  const pins = isGiven ? `pins: '${pinOf(leaf)}'` : 'pins';
  const way =
    policy.identity === 'pin'
      ? 'add `allowExpired: true` to the policy'
      : policy.allowExpired
        ? "its end is excused already, and nothing in `ca` leads to it: give its own certificate there, or `{ identity: 'pin', pins, allowExpired: true }`"
        : policy.anchors.length > 0
          ? `add \`${pins}, allowExpired: true\` to the policy`
          : "give `{ identity: 'pin', pins, allowExpired: true }`, with the fingerprint that its operator gives you out of band";
  return {
    hint: `Renew the certificate on the server, or correct the clock of this machine. Until it is renewed, ${way}.`,
  };
}

/** A server's own certificate; or one that has no names, and the same subject as what is presented now. */
function isServers(
  anchor: X509Certificate,
  leaf: X509Certificate | undefined,
  { ownCertificates }: CheckedTrustPolicy,
): boolean {
  return anchor.subject === leaf?.subject || ownCertificates.some((own) => anchor.raw.equals(own));
}

function isSignedByOwnCertificate(
  chain: readonly X509Certificate[],
  policy: CheckedTrustPolicy,
): boolean {
  const own = ownAnchors(policy);
  return chain.some((certificate) =>
    own.some((one) => !certificate.raw.equals(one.raw) && mayBeSignedBy(certificate, one)),
  );
}

function ownAnchors({ anchors, ownCertificates }: CheckedTrustPolicy): readonly X509Certificate[] {
  return anchors.filter(({ raw }) => ownCertificates.some((bytes) => raw.equals(bytes)));
}

function sameKey(one: X509Certificate, other: X509Certificate): boolean {
  const pin = pinOf(one);
  return pin !== '' && pin === pinOf(other);
}

/** Empty where the key cannot be distinguished from the rest. */
function pinOf(certificate: X509Certificate): string {
  try {
    return spkiPin(certificate);
  } catch {
    return '';
  }
}
