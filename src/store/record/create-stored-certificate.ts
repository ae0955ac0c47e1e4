import { isPlainPem, readCertificates } from '../../certificate/pem.js';
import {
  anyText,
  custom,
  type Declaration,
  date,
  declareOptions,
  given,
  isOptionsObject,
  readOptions,
  required,
  text,
} from '../../options.js';
import { checkTrustPolicy } from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { ORIGINS, TRUST } from '../../trust/trust-options.js';
import { approvedCertificate } from './certificate-facts.js';
import { assertOrigin, recordOf } from './parse-stored-certificate.js';
import type {
  PreviousCertificate,
  StoredCertificate,
  StoredCertificateInput,
} from './stored-certificate.js';
import { toStoredTrust } from './stored-trust.js';

/**
 * Makes the record of a server from the operator's decision.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`;
 *   `MCP_TLS_UNSUPPORTED_ALGORITHM` when this Node.js cannot verify whether the certificate is self-signed
 * @example
 * const url = 'https://billing.internal:8443/mcp';
 * const record = createStoredCertificate({ url, trust: pem, approvedBy: 'ops@example.com' });
 * await store.set('billing', record);
 */
export function createStoredCertificate(input: StoredCertificateInput): StoredCertificate {
  return makeRecord(readOptions(INPUT, input));
}

const INPUT: Declaration<StoredCertificateInput> = declareOptions<StoredCertificateInput>(
  'createStoredCertificate: input',
  {
    url: required(custom('a URL', (value) => typeof value === 'string' || value instanceof URL)),
    trust: required(TRUST),
    certificate: custom('a certificate: PEM as text or bytes, or DER', isPlainPem),
    origins: ORIGINS,
    // What is in these is checked with the record.
    proxy: text('a URL'),
    labels: custom('an object of texts', isOptionsObject),
    approvedBy: anyText(),
    approvedAt: date(),
    expiresAt: given(date()),
    previous: custom<PreviousCertificate>('what another record holds as previous', isOptionsObject),
  },
);

/** As {@link StoredCertificateInput}, read; or made here, where what is `undefined` is absent. */
export type RecordParts = Pick<StoredCertificateInput, 'url' | 'trust'> & {
  [Name in Exclude<keyof StoredCertificateInput, 'url' | 'trust'>]?:
    | StoredCertificateInput[Name]
    | undefined;
};

/** @throws as {@link createStoredCertificate} */
export function makeRecord(input: RecordParts): StoredCertificate {
  const { url, trust, certificate, origins, proxy, labels, approvedBy, approvedAt } = input;
  const { expiresAt, previous } = input;
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
  for (const origin of Object.keys(origins)) assertOrigin(origin);
  return Object.freeze(mapValues(origins, (trust) => checkTrustPolicy(trust)));
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
