import { certificateFacts } from './certificate-facts.js';
import type { StoredCertificate } from './certificate-store.js';
import { checkStoredCertificate } from './check-stored-certificate.js';

/** What the caller decides; the rest of a {@link StoredCertificate} follows from the certificate. */
export type StoredCertificateInput = Omit<
  StoredCertificate,
  'version' | 'isSelfSigned' | 'fingerprint' | 'notBefore' | 'notAfter'
>;

/**
 * Makes the record of a server from its certificate and the operator's decision.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`;
 *   `MCP_TLS_UNSUPPORTED_ALGORITHM` when this Node.js cannot tell whether it is self-signed
 * @example
 * await store.set('billing', makeStoredCertificate({
 *   certificatePem: pem,
 *   serverName: 'billing.internal',
 *   approvedBy: 'ops@example.com',
 *   approvedAt: new Date().toISOString(),
 * }));
 */
export function makeStoredCertificate(input: StoredCertificateInput): StoredCertificate {
  const facts = certificateFacts(input.certificatePem);
  return checkStoredCertificate({ version: 1, ...facts, ...input });
}
