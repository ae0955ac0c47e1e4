import type { X509Certificate } from 'node:crypto';
import { fingerprint256 } from '../../certificate/fingerprint.js';
import { isSelfSigned, whetherSelfSigned } from '../../certificate/is-self-signed-pem.js';
import { toPem } from '../../certificate/pem.js';
import { validityOf } from '../../certificate/validity.js';
import type { ApprovedCertificate } from './stored-certificate.js';

/**
 * A certificate as a record holds it.
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_ALGORITHM` when this Node.js cannot verify whether it is
 *   self-signed
 */
export function approvedCertificate(certificate: X509Certificate): ApprovedCertificate {
  return {
    pem: toPem(certificate),
    isSelfSigned: isSelfSigned(certificate),
    ...plainFacts(certificate),
  };
}

type PlainFacts = Omit<ApprovedCertificate, 'isSelfSigned' | 'pem'>;

/** Of one object there is one answer, and the records of a fleet have one certificate in common. */
const known = new WeakMap<X509Certificate, PlainFacts>();

/** The facts that reading alone gives: whether it is self-signed takes a signature to verify. */
export function plainFacts(certificate: X509Certificate): PlainFacts {
  const before = known.get(certificate);
  if (before !== undefined) return before;
  const { notBefore, notAfter } = validityOf(certificate);
  const facts = Object.freeze({
    fingerprint: fingerprint256(certificate),
    notBefore: isoDate(notBefore, certificate.validFrom),
    notAfter: isoDate(notAfter, certificate.validTo),
  });
  known.set(certificate, facts);
  return facts;
}

/**
 * Whether `claimed` is not contradicted. Where this Node.js cannot verify it, it is taken: post-quantum
 * signatures are beyond older ones, and the record may come from a newer one.
 */
export function mayBeSelfSigned(certificate: X509Certificate, claimed: boolean): boolean {
  return (whetherSelfSigned(certificate) ?? claimed) === claimed;
}

/** A date that OpenSSL prints but JavaScript cannot hold stays as it is printed. */
function isoDate(date: Date, printed: string): string {
  return Number.isNaN(date.getTime()) ? printed : date.toISOString();
}
