import { createHash, type X509Certificate } from 'node:crypto';
import { certificateFields } from './certificate-fields.js';

/**
 * SHA-256 of the whole certificate, as colon-separated upper-case hex: what
 * `openssl x509 -fingerprint -sha256` and browsers show. Changes with every renewal.
 */
export function fingerprint256(certificate: X509Certificate): string {
  return certificate.fingerprint256;
}

/**
 * `sha256/BASE64` of the certificate's SubjectPublicKeyInfo (RFC 7469 §2.4). Survives a renewal that
 * keeps the key.
 *
 * Hashes the bytes as they stand in the certificate: exporting `publicKey` encodes the key anew and
 * gave other bytes for 8, and threw for up to 37, of 5031 real certificates.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE` when the certificate's encoding is BER
 */
export function spkiPin(certificate: X509Certificate): string {
  const { subjectPublicKeyInfo } = certificateFields(certificate.raw);
  return `sha256/${createHash('sha256').update(subjectPublicKeyInfo).digest('base64')}`;
}
