import type { X509Certificate } from 'node:crypto';
import { whetherSelfSigned } from '../certificate/is-self-signed-pem.js';
import { readQuietly } from '../certificate/openssl-errors.js';

/** By the key or, where its signature cannot be checked here, by the name alone. For words, never for trust. */
export function mayBeSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (certificate.issuer !== issuer.subject) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return true;
  }
}

/**
 * Whether the server left out a certificate that it should have sent. OpenSSL cannot distinguish this from
 * an issuer that nobody knows. A last certificate that says where its issuer is to be fetched
 * (authority information access, RFC 5280 §4.2.2.1) can: private authorities that sign leaves
 * directly do not write that, public and corporate intermediates do.
 */
export function endsEarly(chain: readonly X509Certificate[]): boolean {
  const last = chain.at(-1);
  if (last === undefined || isSelfIssued(last)) return false;
  return readQuietly(last, (c) => c.infoAccess)?.includes('CA Issuers') === true;
}

/**
 * Whether it is self-signed as far as is known here: where this Node.js cannot verify such a signature, or the
 * encoding is none that we read, by the names alone. For words, never for trust.
 */
export function maySignItself(certificate: X509Certificate): boolean {
  try {
    return whetherSelfSigned(certificate) ?? true;
  } catch {
    return isSelfIssued(certificate);
  }
}

/** Whether the names are equal, as OpenSSL compares them; as they are printed, where the encoding is BER. */
export function isSelfIssued(certificate: X509Certificate): boolean {
  try {
    return whetherSelfSigned(certificate, false) !== false;
  } catch {
    return certificate.subject === certificate.issuer;
  }
}
