import type { X509Certificate } from 'node:crypto';
import { certificateExtensions, certificateFields } from '../certificate/certificate-fields.js';
import { contentBytes, DER_TAG, expectTag, readChildren, readElement } from '../certificate/der.js';
import { isStrongSignature } from '../certificate/signature-algorithms.js';
import { validityOf } from '../certificate/validity.js';
import {
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  hasRepeated,
  hasWeakKey,
  KEY_USAGE,
  listsServerAuth,
  unfitness,
} from './leaf-fitness.js';

/** Signatures that are verified at most: a hostile chain makes no more work than that. */
const MAX_SIGNATURES = 24;

/** Intermediates between a server's certificate and an authority. */
const MAX_DEPTH = 6;

/**
 * Whether the presented chain would lead to one of `authorities` if its leaf had not expired.
 *
 * Only for `allowExpired` below an authority: OpenSSL reports the last of its objections, and the
 * leaf's end hides the others. Stricter than OpenSSL where that makes it shorter: no name constraints,
 * no critical extension but the usual ones, no weak digest, and nothing above the leaf that has ended.
 */
export function leadsToAuthority(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: Date,
): boolean {
  const [leaf, ...above] = chain;
  if (leaf === undefined || unfitness(leaf) !== undefined) return false;
  let signatures = 0;

  function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (!certificate.checkIssued(issuer) || signatures === MAX_SIGNATURES) return false;
    signatures++;
    try {
      return certificate.verify(issuer.publicKey);
    } catch {
      return false;
    }
  }

  function leads(certificate: X509Certificate, intermediates: number): boolean {
    if (!hasStrongSignature(certificate)) return false;
    const direct = authorities.some(
      (authority) => mayIssue(authority, intermediates, now) && isIssuedBy(certificate, authority),
    );
    if (direct) return true;
    if (intermediates === MAX_DEPTH) return false;
    return above.some(
      (issuer) =>
        mayIssue(issuer, intermediates, now) &&
        isIssuedBy(certificate, issuer) &&
        leads(issuer, intermediates + 1),
    );
  }

  return leads(leaf, 0);
}

/** What may be critical in an authority without a meaning for the path that is not judged here. */
const UNDERSTOOD: ReadonlySet<string> = new Set([BASIC_CONSTRAINTS, KEY_USAGE]);

/** @param intermediates how many authorities are below this one */
function mayIssue(certificate: X509Certificate, intermediates: number, now: Date): boolean {
  const { notBefore, notAfter } = validityOf(certificate);
  const isValid = now >= notBefore && now <= notAfter;
  if (!isValid || !certificate.ca || hasWeakKey(certificate)) return false;
  try {
    const extensions = certificateExtensions(certificateFields(certificate.raw));
    if (extensions.some(({ critical, oid }) => critical && !UNDERSTOOD.has(oid))) return false;
    if (extensions.some(({ oid }) => oid === NAME_CONSTRAINTS)) return false;
    if (hasRepeated(extensions)) return false;
    const usage = extensions.find(({ oid }) => oid === EXTENDED_KEY_USAGE)?.value;
    if (usage !== undefined && !listsServerAuth(usage)) return false;
    const limit = pathLength(extensions.find(({ oid }) => oid === BASIC_CONSTRAINTS)?.value);
    return limit === undefined || intermediates <= limit;
  } catch {
    return false;
  }
}

const NAME_CONSTRAINTS = '2.5.29.30';

/**
 * BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }
 *
 * @returns `undefined` if there is no limit; -1 for one that is negative or longer than a byte
 * @throws for anything but DER
 */
function pathLength(basicConstraints: Uint8Array | undefined): number | undefined {
  if (basicConstraints === undefined) return undefined;
  const bytes = basicConstraints;
  const outer = expectTag(readElement(bytes, 0, bytes.length), DER_TAG.sequence, 'constraints');
  if (outer.end !== bytes.length) throw new RangeError('data follows the constraints');
  const limit = readChildren(bytes, outer).find(({ tag }) => tag !== DER_TAG.boolean);
  if (limit === undefined) return undefined;
  const [value = 0xff, ...more] = contentBytes(bytes, expectTag(limit, DER_TAG.integer, 'a limit'));
  return more.length > 0 || value > 0x7f ? -1 : value;
}

function hasStrongSignature({ raw }: X509Certificate): boolean {
  try {
    return isStrongSignature(certificateFields(raw).signatureAlgorithm) === true;
  } catch {
    return false;
  }
}
