import { assertKnownKeys, invalidArgument, isValidDate } from '../../assert.js';
import { readCertificates } from '../../certificate/pem.js';
import { type CheckedTrustPolicy, checkTrustPolicy } from '../../trust/check-trust-policy.js';
import { approvedCertificate } from './certificate-facts.js';
import { assertOrigin, INPUT_FIELDS, recordOf } from './parse-stored-certificate.js';
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
  assertKnownKeys('input', input, INPUT_FIELDS);
  const { url, trust, certificate, origins, proxy, labels, approvedBy, approvedAt } = input;
  const { expiresAt, previous } = input;
  if (trust === undefined) invalidArgument('trust is undefined: null is for the default roots');
  assertDate('approvedAt', approvedAt);
  assertDate('expiresAt', expiresAt);
  const policy = checkTrustPolicy(trust);
  const shown = certificate === undefined ? policy.anchors[0] : readCertificates(certificate)[0];
  const others = origins === undefined ? undefined : checkOrigins(origins);
  const record: StoredCertificate = {
    version: 2,
    url: String(url),
    trust: toStoredTrust(policy),
    ...(shown === undefined ? {} : { certificate: approvedCertificate(shown) }),
    ...(others === undefined ? {} : { origins: mapValues(others, toStoredTrust) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(labels === undefined ? {} : { labels }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(approvedAt === undefined ? {} : { approvedAt: approvedAt.toISOString() }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(previous === undefined ? {} : { previous }),
  };
  return recordOf(record, { policy, origins: others });
}

function checkOrigins(
  origins: NonNullable<StoredCertificateInput['origins']>,
): Readonly<Record<string, CheckedTrustPolicy>> {
  for (const [origin, trust] of Object.entries(origins)) {
    assertOrigin(origin);
    if (trust === undefined) invalidArgument(`the trust for ${origin} is undefined`);
  }
  return Object.freeze(mapValues(origins, checkTrustPolicy));
}

function assertDate(what: string, date: unknown): void {
  if (date !== undefined && !isValidDate(date)) invalidArgument(`${what} must be a valid Date`);
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
