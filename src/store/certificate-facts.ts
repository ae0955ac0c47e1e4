import type { X509Certificate } from 'node:crypto';
import { fingerprint256 } from '../certificate/fingerprint.js';
import { isSelfSigned } from '../certificate/is-self-signed-pem.js';
import { readCertificates } from '../certificate/pem.js';
import { isMcpTlsError } from '../errors.js';

/** What of a record follows from its first certificate. */
export interface CertificateFacts {
  readonly isSelfSigned: boolean;
  readonly fingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

/**
 * Reads the facts out of the certificates that a record trusts.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE`, `MCP_TLS_UNSUPPORTED_ALGORITHM`
 */
export function certificateFacts(pem: string): CertificateFacts {
  const first = readCertificates(pem)[0] as X509Certificate;
  return { isSelfSigned: isSelfSigned(first), ...plainFacts(first) };
}

/** The facts that reading alone gives: whether it is self-signed takes a signature to verify. */
export function plainFacts(certificate: X509Certificate): Omit<CertificateFacts, 'isSelfSigned'> {
  return {
    fingerprint: fingerprint256(certificate),
    notBefore: isoDate(certificate.validFrom),
    notAfter: isoDate(certificate.validTo),
  };
}

/**
 * Whether `claimed` is not contradicted. Where this Node.js cannot tell it is taken: post-quantum
 * signatures are beyond older ones, and the record may come from a newer one.
 */
export function mayBeSelfSigned(certificate: X509Certificate, claimed: boolean): boolean {
  try {
    return isSelfSigned(certificate) === claimed;
  } catch (error) {
    if (isMcpTlsError(error) && error.code === 'MCP_TLS_UNSUPPORTED_ALGORITHM') return true;
    throw error;
  }
}

/** A date that OpenSSL prints but JavaScript cannot hold stays as it is printed. */
function isoDate(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}
