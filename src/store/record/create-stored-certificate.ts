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
import { ORIGINS, TRUST } from '../../trust/trust-options.js';
import type { TrustInput } from '../../trust/trust-policy.js';
import { approvedCertificate } from './certificate-facts.js';
import { assertOrigin } from './own-fields.js';
import { recordOf } from './parse-stored-certificate.js';
import { RecordPolicy, RecordTrust } from './record-trust.js';
import type {
  PreviousCertificate,
  StoredCertificate,
  StoredCertificateInput,
} from './stored-certificate.js';

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
export type RecordFields = Pick<StoredCertificateInput, 'url'> & {
  /** Of another record: as it stands there, without reading what it names. */
  readonly trust: TrustInput | RecordPolicy;
  readonly origins?: Readonly<Record<string, TrustInput | RecordPolicy>> | undefined;
} & {
  [Name in Exclude<keyof StoredCertificateInput, 'url' | 'trust' | 'origins'>]?:
    | StoredCertificateInput[Name]
    | undefined;
};

/** @throws as {@link createStoredCertificate} */
export function makeRecord(input: RecordFields): StoredCertificate {
  const { url, trust, certificate, origins, proxy, labels, approvedBy, approvedAt } = input;
  const { expiresAt, previous } = input;
  const own = policyOf(trust);
  const pem = certificate ?? firstOf(own);
  const shown = pem === undefined ? undefined : readCertificates(pem)[0];
  const others = origins === undefined ? undefined : checkOrigins(origins);
  const record: StoredCertificate = {
    version: 2,
    url: String(url),
    trust: own.stored,
    ...(shown === undefined ? {} : { certificate: approvedCertificate(shown) }),
    ...(others === undefined ? {} : { origins: mapValues(others, ({ stored }) => stored) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(labels === undefined ? {} : { labels }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(approvedAt === undefined ? {} : { approvedAt: approvedAt.toISOString() }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(previous === undefined ? {} : { previous }),
  };
  return recordOf(record, new RecordTrust(own, others));
}

function policyOf(trust: TrustInput | RecordPolicy): RecordPolicy {
  return trust instanceof RecordPolicy ? trust : RecordPolicy.of(checkTrustPolicy(trust));
}

/** The certificate that trust is in, where it stands in the record. */
function firstOf({ stored: { ca }, hasCaInFile }: RecordPolicy): string | undefined {
  return hasCaInFile ? undefined : (ca?.[0] as string | undefined);
}

function checkOrigins(
  origins: NonNullable<RecordFields['origins']>,
): Readonly<Record<string, RecordPolicy>> {
  for (const origin of Object.keys(origins)) assertOrigin(origin);
  return Object.freeze(mapValues(origins, policyOf));
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
