import type { X509Certificate } from 'node:crypto';
import { assertKnownKeys, assertOneOf, invalidArgument } from '../assert.js';
import { readCertificates } from '../certificate/pem.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import { mayBeSelfSigned, plainFacts } from './certificate-facts.js';
import type { StoredCertificate } from './certificate-store.js';
import { trustPolicyOf } from './trust-policy-of.js';

/** Enough for eight certificates of 4 KB and a key, far below what any backend refuses. */
const MAX_RECORD_CHARS = 131_072;

/**
 * Checks a record whole, on its way in and on its way out: no unknown or missing field, a certificate
 * that reads, the derived fields as the certificate has them, and a policy that a client would take.
 * A record that fails here would otherwise fail at the first connection, or worse, mean less trust
 * than was approved.
 *
 * Stores of host applications can use it for what they read from their own tables.
 *
 * @returns a frozen copy
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`. Messages name
 *   fields, never their content.
 */
export function checkStoredCertificate(value: unknown): StoredCertificate {
  const { record, certificate } = readWhole(value);
  if (!mayBeSelfSigned(certificate, record.isSelfSigned)) contradicted('isSelfSigned');
  return record;
}

/**
 * The same for what was checked before it was sealed: another version of us may have, so that the form
 * is checked again; the signature, which takes longer than all the rest, is not.
 */
export function checkSealedCertificate(value: unknown): StoredCertificate {
  return readWhole(value).record;
}

/** @returns the record, and the first of its certificates */
function readWhole(value: unknown): { record: StoredCertificate; certificate: X509Certificate } {
  assertKnownKeys('record', value, FIELDS);
  const record = copyOf(value as StoredCertificate);
  if (record.version !== 1) invalidArgument('record.version must be 1');
  for (const field of REQUIRED) {
    if (record[field] === undefined) invalidArgument(`record.${field} is missing`);
  }
  for (const field of TEXTS) assertText(`record.${field}`, record[field]);
  for (const field of FLAGS) assertFlag(`record.${field}`, record[field]);
  for (const field of DATES) assertDate(`record.${field}`, record[field]);
  assertClientCertificate(record.clientCertificate);
  assertPrevious(record.previous);
  assertUrl(record.url);
  if (record.roots !== undefined) assertOneOf('record.roots', record.roots, ['none', 'default']);
  const { anchors } = checkTrustPolicy(trustPolicyOf(record));
  // Under `identity: 'pin'` the certificate is no part of the policy.
  const [certificate] = anchors.length > 0 ? anchors : readCertificates(record.certificatePem);
  assertFacts(record, certificate as X509Certificate);
  return { record, certificate: certificate as X509Certificate };
}

const REQUIRED = [
  'version',
  'certificatePem',
  'isSelfSigned',
  'fingerprint',
  'notBefore',
  'notAfter',
] as const satisfies readonly (keyof StoredCertificate)[];

const FLAGS = ['isSelfSigned', 'authority', 'allowExpired'] as const;
const DATES = ['approvedAt', 'expiresAt'] as const;
const TEXTS = [
  'certificatePem',
  'fingerprint',
  'notBefore',
  'notAfter',
  'url',
  'serverName',
  'approvedBy',
  'approvedAt',
  'expiresAt',
] as const;

const FIELDS: readonly (keyof StoredCertificate)[] = [
  ...REQUIRED,
  'url',
  'authority',
  'roots',
  'pins',
  'identity',
  'serverName',
  'allowExpired',
  'minVersion',
  'clientCertificate',
  'approvedBy',
  'approvedAt',
  'expiresAt',
  'previous',
];

/** Through JSON, so that what is checked is what a backend can hold: no getters, dates or class instances. */
function copyOf(value: StoredCertificate): StoredCertificate {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return invalidArgument('record must be plain data');
  }
  if (text.length > MAX_RECORD_CHARS) {
    invalidArgument(`record has ${text.length} characters of JSON: more than ${MAX_RECORD_CHARS}`);
  }
  // A field that is there with the value undefined is nearly always an unset variable.
  const unset = Object.entries(value).find(([, field]) => field === undefined || field === null);
  if (unset !== undefined)
    invalidArgument(`record.${unset[0]} is ${unset[1]}: leave it out or set it`);
  return deepFreeze(JSON.parse(text));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function assertText(what: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value === '')
    invalidArgument(`${what} must be a non-empty string`);
}

function assertFlag(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    invalidArgument(`${what} must be a boolean`);
}

function assertDate(what: string, value: string | undefined): void {
  if (value !== undefined && !isIsoDate(value)) {
    invalidArgument(`${what} must be a date as toISOString() writes it`);
  }
}

function isIsoDate(value: string): boolean {
  const date = new Date(value);
  return !Number.isNaN(date.getTime()) && date.toISOString() === value;
}

function assertClientCertificate(value: StoredCertificate['clientCertificate']): void {
  if (value === undefined) return;
  assertKnownKeys('record.clientCertificate', value, ['cert', 'key', 'passphrase']);
  for (const field of ['cert', 'key', 'passphrase'] as const) {
    assertText(`record.clientCertificate.${field}`, value[field]);
  }
}

function assertPrevious(value: StoredCertificate['previous']): void {
  if (value === undefined) return;
  assertKnownKeys('record.previous', value, ['certificatePem', 'fingerprint', 'replacedAt']);
  assertText('record.previous.certificatePem', value.certificatePem ?? '');
  assertText('record.previous.replacedAt', value.replacedAt);
  assertDate('record.previous.replacedAt', value.replacedAt);
  const [first] = readCertificates(value.certificatePem);
  if (plainFacts(first as X509Certificate).fingerprint !== value.fingerprint) {
    invalidArgument('record.previous.fingerprint is not that of its certificate');
  }
}

function assertUrl(value: string | undefined): void {
  if (value === undefined) return;
  if (!URL.canParse(value) || new URL(value).protocol !== 'https:') {
    invalidArgument('record.url must be an https: URL');
  }
  const { username, password } = new URL(value);
  if (username !== '' || password !== '')
    invalidArgument('record.url must not contain credentials');
}

/** A record whose fields say another thing than its certificate misleads whoever reads only the fields. */
function assertFacts(record: StoredCertificate, certificate: X509Certificate): void {
  const facts = plainFacts(certificate);
  for (const [field, fact] of Object.entries(facts)) {
    if (record[field as keyof typeof facts] !== fact) contradicted(field);
  }
}

function contradicted(field: string): never {
  return invalidArgument(`record.${field} is not what the certificate says`);
}
