import { invalidArgument } from '../../assert.js';
import { readOneCertificate } from '../../certificate/pem.js';
import { readProxy } from '../../connect/proxy.js';
import { custom, declareOptions, passedOn, readOptions, required } from '../../options.js';
import { assertDate, assertText } from './plain-data.js';
import type { PreviousCertificate, StoredCertificate } from './stored-certificate.js';

/** What a record says beside its trust and its certificate. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertOwnFields(record: StoredCertificate): void {
  assertUrl(record.url);
  assertOwnIsNotListed(record);
  if (record.proxy !== undefined) assertProxy(record.proxy);
  if (record.labels !== undefined) assertLabels(record.labels);
  assertText('record.approvedBy', record.approvedBy);
  assertDate('record.approvedAt', record.approvedAt);
  assertDate('record.expiresAt', record.expiresAt);
  if (record.previous !== undefined) assertPrevious(record.previous);
}

function assertUrl(value: unknown): void {
  if (typeof value !== 'string' || !URL.canParse(value)) {
    invalidArgument('record.url must be an https: URL');
  }
  const { protocol, username, password } = new URL(value);
  if (protocol !== 'https:') invalidArgument('record.url must be an https: URL');
  if (username !== '' || password !== '') {
    invalidArgument('record.url must not contain credentials');
  }
}

/** Whom to trust there stands in `trust`: two answers to one question. */
function assertOwnIsNotListed({ url, origins }: StoredCertificate): void {
  if (origins === undefined || !Object.hasOwn(origins, new URL(url).origin)) return;
  invalidArgument('record.origins must not name the own origin of record.url');
}

/** A URL only: what the environment says is not the same for every process. */
function assertProxy(proxy: unknown): void {
  if (typeof proxy !== 'string' || proxy === 'env') invalidArgument('record.proxy must be a URL');
  readProxy(proxy);
}

function assertLabels(labels: Readonly<Record<string, unknown>>): void {
  assertObject('record.labels', labels);
  if (Object.values(labels).some((value) => typeof value !== 'string')) {
    invalidArgument('record.labels must be texts');
  }
}

function assertPrevious(value: PreviousCertificate): void {
  readOptions(PREVIOUS, value);
  assertDate('record.previous.replacedAt', value.replacedAt);
  const { fingerprint256 } = readOneCertificate(value.pem);
  if (fingerprint256 !== value.fingerprint) {
    invalidArgument('record.previous.fingerprint is not that of its certificate');
  }
}

/** Exactly an https origin: a path, another spelling or another scheme would never be asked for. */
export function assertOrigin(origin: string): void {
  const isOrigin = URL.canParse(origin) && new URL(origin).origin === origin;
  if (!isOrigin || !origin.startsWith('https:')) {
    invalidArgument('record.origins must be named by origins, such as https://login.example');
  }
}

export function assertObject(what: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    invalidArgument(`${what} must be an object`);
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';

const PREVIOUS = declareOptions<PreviousCertificate>('record.previous', {
  pem: required(custom('PEM', isText)),
  fingerprint: required(custom('a fingerprint', isText)),
  replacedAt: passedOn('a date'),
});
