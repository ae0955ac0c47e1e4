import type { X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { invalidArgument } from '../../assert.js';
import { type PlainPem, readCertificates, readOneCertificate } from '../../certificate/pem.js';
import {
  custom,
  type Declaration,
  declareOptions,
  flag,
  passedOn,
  readOptions,
  required,
} from '../../options.js';
import { checkTrustPolicy, readPins } from '../../trust/check-trust-policy.js';
import { matchesPin } from '../../trust/pin.js';
import type { TrustPolicy } from '../../trust/trust-policy.js';
import { mayBeSelfSigned, plainFacts } from './certificate-facts.js';
import { assertObject, assertOrigin, assertOwnFields } from './own-fields.js';
import { freezePlain, plainCopy } from './plain-data.js';
import { RecordPolicy, RecordTrust } from './record-trust.js';
import type { ApprovedCertificate, StoredCertificate, StoredTrust } from './stored-certificate.js';

/** Of records that were checked here: frozen, so that what was true of one stays so. */
const checked = new WeakMap<StoredCertificate, RecordTrust>();

/** The trust in those of them that names files: whoever changes such a record passes it on as it was. */
const approved = new WeakSet<StoredTrust>();

/** Options of {@link parseStoredCertificate}. */
export interface ParseRecordOptions {
  /**
   * Whether the record may name files (`{ file: path }`) in the place of certificates and keys. Each process that
   * connects reads them, and shows a server the client certificate in them. Only for what the operator alone writes.
   * Default false: it is refused, unless it is the `trust` of a record that was checked before (`{ ...record, url }`).
   */
  readonly mayNameFiles?: boolean | undefined;
}

const OPTIONS: Declaration<ParseRecordOptions> = declareOptions<ParseRecordOptions>(
  'parseStoredCertificate: options',
  { mayNameFiles: flag() },
);

/**
 * Checks a record whole, on its way in and on its way out: no unknown or missing field, certificates
 * that read, the derived fields as the certificate has them, and policies that a client would take. A
 * record that fails here would otherwise fail at the first connection, or worse, mean less trust than
 * was approved. A record that came from here is returned as it is.
 *
 * Stores of host applications can use it for what they read from their own tables.
 *
 * @returns a frozen copy
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`. Messages name
 *   fields, never their content.
 */
export function parseStoredCertificate(
  value: unknown,
  options: ParseRecordOptions = {},
): StoredCertificate {
  const { mayNameFiles = false } = readOptions(OPTIONS, options);
  if (checked.has(value as StoredCertificate)) return value as StoredCertificate;
  readOptions(RECORD, value);
  const record = plainCopy('record', value) as StoredCertificate;
  const trust = parse(record, true, readOneCertificate);
  if (!mayNameFiles && trust.files.length > 0 && !wasApproved(value as StoredCertificate)) {
    invalidArgument(
      'the record names a file, and those who may write such records say what this process reads',
      'Parse it by parseStoredCertificate(record, { mayNameFiles: true }), where only the operator writes it.',
    );
  }
  return remember(record, trust);
}

/**
 * The same for what was checked before it was sealed, and was parsed from JSON a moment ago: another version of
 * us may have sealed it, so that the form is checked again; the signature, which takes longer than all the rest,
 * is not. Frozen as it is, and not copied.
 */
export function parseSealedCertificate(
  value: unknown,
  read: CertificateReader = readOneCertificate,
): StoredCertificate {
  if (checked.has(value as StoredCertificate)) return value as StoredCertificate;
  readOptions(RECORD, value);
  freezePlain('record', value as object);
  const record = value as StoredCertificate;
  // Whoever has the key has written it.
  return remember(record, parse(record, false, read));
}

/** Reads one certificate, of PEM. */
export type CertificateReader = (pem: string) => X509Certificate;

/** Certificates, and characters of their texts. */
const MOST_REMEMBERED = { max: 256, maxSize: 1_048_576 };

/**
 * A reader for many records, that gives the same object for the same text: a fleet's servers are often under one
 * authority, which each of their records holds.
 */
export function rememberingReader(): CertificateReader {
  const read = new LRUCache<string, X509Certificate>({
    ...MOST_REMEMBERED,
    sizeCalculation: (_certificate, pem) => pem.length,
  });
  return (pem) => {
    const before = read.get(pem);
    if (before !== undefined) return before;
    const certificate = readOneCertificate(pem);
    read.set(pem, certificate);
    return certificate;
  };
}

/** What a record's trust means. @throws {TlsConfigError} for a record that is none */
export function trustOf(record: StoredCertificate): RecordTrust {
  return checked.get(record) ?? (checked.get(parseStoredCertificate(record)) as RecordTrust);
}

/**
 * The record that was just made of this trust: what follows from that is not read back out of it.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for the fields that others gave
 */
export function recordOf(value: StoredCertificate, trust: RecordTrust): StoredCertificate {
  const record = plainCopy('record', value) as StoredCertificate;
  assertOwnFields(record);
  assertIsTrusted(record, trust.own);
  return remember(record, trust);
}

function remember(record: StoredCertificate, trust: RecordTrust): StoredCertificate {
  checked.set(record, trust);
  if (trust.files.length > 0) for (const one of trustsIn(record)) approved.add(one);
  return record;
}

/** Whether all of its trust is that of records, by the very objects: JSON has none of them. */
function wasApproved(record: StoredCertificate): boolean {
  return trustsIn(record).every((one) => approved.has(one));
}

function trustsIn({ trust, origins = {} }: StoredCertificate): readonly StoredTrust[] {
  return [trust, ...Object.values(origins)];
}

function parse(
  record: StoredCertificate,
  verifySignature: boolean,
  read: CertificateReader,
): RecordTrust {
  if (record.version !== 2) invalidArgument('record.version must be 2');
  const { certificate } = record;
  const shown =
    certificate === undefined ? undefined : assertCertificate(certificate, verifySignature, read);
  const own = readTrust('record.trust', record.trust, shown);
  const origins = record.origins === undefined ? undefined : readOrigins(record.origins);
  if (shown === undefined && own.stored.ca !== undefined && !own.hasCaInFile) {
    invalidArgument('record.certificate is missing');
  }
  assertOwnFields(record);
  assertIsTrusted(record, own, shown);
  return new RecordTrust(own, origins);
}

/** The fields; what is in them is read below. */
const RECORD = declareOptions<StoredCertificate>('record', {
  version: passedOn('2'),
  url: passedOn('a URL'),
  trust: passedOn('a policy'),
  certificate: passedOn('a certificate'),
  origins: passedOn('policies by origin'),
  proxy: passedOn('a URL'),
  labels: passedOn('texts'),
  approvedBy: passedOn('a text'),
  approvedAt: passedOn('a date'),
  expiresAt: passedOn('a date'),
  previous: passedOn('a certificate'),
});

const isText = (value: unknown): boolean => typeof value === 'string';

const CERTIFICATE = declareOptions<ApprovedCertificate>('record.certificate', {
  pem: required(custom('PEM', isText)),
  fingerprint: required(custom('a fingerprint', isText)),
  isSelfSigned: required(custom('true or false', (value) => typeof value === 'boolean')),
  notBefore: required(custom('a date', isText)),
  notAfter: required(custom('a date', isText)),
});

/** Only objects: text and `null` are short forms for people. */
function readTrust(what: string, trust: StoredTrust, parsed?: X509Certificate): RecordPolicy {
  if (typeof trust !== 'object' || trust === null) invalidArgument(`${what} must be an object`);
  return RecordPolicy.read(trust, () => checkTrustPolicy(trust as TrustPolicy, 'trust', parsed));
}

function readOrigins(
  origins: NonNullable<StoredCertificate['origins']>,
): Readonly<Record<string, RecordPolicy>> {
  assertObject('record.origins', origins);
  const entries = Object.entries(origins).map(([origin, trust]) => {
    assertOrigin(origin);
    return [origin, readTrust('record.origins', trust)] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

/** A record whose fields say another thing than its certificate misleads whoever reads only the fields. */
function assertCertificate(
  value: ApprovedCertificate,
  verifySignature: boolean,
  read: CertificateReader,
): X509Certificate {
  readOptions(CERTIFICATE, value);
  const certificate = read(value.pem);
  for (const [field, fact] of Object.entries(plainFacts(certificate))) {
    if (value[field as keyof ApprovedCertificate] !== fact) contradicted(field);
  }
  if (verifySignature && !mayBeSelfSigned(certificate, value.isSelfSigned)) {
    contradicted('isSelfSigned');
  }
  return certificate;
}

/**
 * What is shown as approved has to be what is trusted: a person sees the one and relies on the other. What a file holds
 * at this moment does not make it so.
 */
function assertIsTrusted(
  { certificate }: StoredCertificate,
  { stored, hasCaInFile }: RecordPolicy,
  parsed?: X509Certificate,
): void {
  if (certificate === undefined || stored.ca?.includes(certificate.pem) === true) return;
  const shown = parsed ?? readOneCertificate(certificate.pem);
  const isTrusted =
    stored.identity === 'pin'
      ? readPins(stored.pins ?? []).some((pin) => matchesPin(shown, pin))
      : !hasCaInFile && anchorsIn(stored).some(({ raw }) => shown.raw.equals(raw));
  if (!isTrusted) invalidArgument('record.certificate is not the one that record.trust trusts');
}

function anchorsIn({ ca }: StoredTrust): readonly X509Certificate[] {
  return ca === undefined ? [] : readCertificates(ca as PlainPem);
}

function contradicted(field: string): never {
  return invalidArgument(`record.certificate.${field} is not what the certificate says`);
}
