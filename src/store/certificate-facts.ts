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
 * @param claimed what the record says about `isSelfSigned`. It is taken only where this Node.js cannot
 *   tell: post-quantum signatures are beyond older ones, and the record may come from a newer one.
 * @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE`; without `claimed`
 *   `MCP_TLS_UNSUPPORTED_ALGORITHM`
 */
export function certificateFacts(pem: string, claimed?: boolean): CertificateFacts {
  const first = readCertificates(pem)[0] as X509Certificate;
  return {
    isSelfSigned: selfSigned(first, claimed),
    fingerprint: fingerprint256(first),
    notBefore: isoDate(first.validFrom),
    notAfter: isoDate(first.validTo),
  };
}

function selfSigned(certificate: X509Certificate, claimed: boolean | undefined): boolean {
  try {
    return isSelfSigned(certificate);
  } catch (error) {
    const undecidable = isMcpTlsError(error) && error.code === 'MCP_TLS_UNSUPPORTED_ALGORITHM';
    if (!undecidable || claimed === undefined) throw error;
    return claimed;
  }
}

/** A date that OpenSSL prints but JavaScript cannot hold stays as it is printed. */
function isoDate(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}
