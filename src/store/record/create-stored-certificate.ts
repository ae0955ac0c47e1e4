import type { X509Certificate } from 'node:crypto';
import { assertKnownKeys } from '../../assert.js';
import { readCertificates } from '../../certificate/pem.js';
import { type CheckedTrustPolicy, checkTrustPolicy } from '../../trust/check-trust-policy.js';
import { approvedCertificate } from './certificate-facts.js';
import { parseSealedCertificate } from './parse-stored-certificate.js';
import type { StoredCertificate, StoredCertificateInput } from './stored-certificate.js';
import { toStoredTrust } from './stored-trust.js';

/**
 * Makes the record of a server from the operator's decision.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`;
 *   `MCP_TLS_UNSUPPORTED_ALGORITHM` when this Node.js cannot tell whether the certificate is self-signed
 * @example
 * const url = 'https://billing.internal:8443/mcp';
 * const record = createStoredCertificate({ url, trust: pem, approvedBy: 'ops@example.com' });
 * await store.set('billing', record);
 */
export function createStoredCertificate(input: StoredCertificateInput): StoredCertificate {
  assertKnownKeys('input', input, FIELDS);
  const { url, trust, certificate, origins, proxy, labels, approvedBy, approvedAt } = input;
  const { expiresAt, previous } = input;
  const policy = checkTrustPolicy(trust);
  const shown = certificate === undefined ? firstOf(policy) : readCertificates(certificate)[0];
  // All of it was derived from the certificate just now: only the form is left to check.
  return parseSealedCertificate({
    version: 2,
    url: String(url),
    trust: toStoredTrust(policy),
    ...(shown === undefined ? {} : { certificate: approvedCertificate(shown) }),
    ...(origins === undefined ? {} : { origins: storedOrigins(origins) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(labels === undefined ? {} : { labels }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(approvedAt === undefined ? {} : { approvedAt: approvedAt.toISOString() }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(previous === undefined ? {} : { previous }),
  });
}

const FIELDS = [
  'url',
  'trust',
  'certificate',
  'origins',
  'proxy',
  'labels',
  'approvedBy',
  'approvedAt',
  'expiresAt',
  'previous',
] as const satisfies readonly (keyof StoredCertificateInput)[];

function firstOf({ anchors }: CheckedTrustPolicy): X509Certificate | undefined {
  return anchors[0];
}

function storedOrigins(
  origins: NonNullable<StoredCertificateInput['origins']>,
): NonNullable<StoredCertificate['origins']> {
  return Object.fromEntries(
    Object.entries(origins).map(([origin, trust]) => [
      origin,
      toStoredTrust(checkTrustPolicy(trust)),
    ]),
  );
}
