import { invalidArgument } from '../../assert.js';
import { type CertificateDescription, describe } from '../../certificate/describe-certificate.js';
import { readOneCertificate } from '../../certificate/pem.js';
import { addressOf } from '../../connect/address-of.js';
import type { Inspection } from '../../connect/fetch-peer-certificate.js';
import { StoreError } from '../../errors.js';
import { makeRecord, type RecordFields } from '../../store/record/create-stored-certificate.js';
import { trustOf } from '../../store/record/parse-stored-certificate.js';
import type { StoredCertificate } from '../../store/record/stored-certificate.js';
import { assertCanBeStored } from '../../store/record/stored-trust.js';
import {
  checkTrustPolicy,
  type PolicyDetails,
  withDetails,
} from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { readClientCertificate } from '../../trust/client-certificate.js';
import { readReferenceIdentity } from '../../trust/reference-identity.js';
import { sourcesIn } from '../../trust/source.js';
import { sourcedOf } from '../../trust/sourced.js';
import type { RegisterOptions } from './enrol-options.js';
import { planTrust } from './plan-trust.js';

/** The policy to look at a server with that is being registered: the operator's, or the default roots. */
export function lookPolicy({
  trust,
  serverName,
  clientCertificate,
}: RegisterOptions): CheckedTrustPolicy {
  const policy = withDetails(checkTrustPolicy(trust ?? null), {
    ...(serverName === undefined ? {} : { serverName: readReferenceIdentity(serverName).value }),
    ...(clientCertificate ? { clientCertificate: readClientCertificate(clientCertificate) } : {}),
  });
  assertCanBeStored(policy);
  return policy;
}

/**
 * What to trust of a server that is being registered.
 *
 * @throws {TlsTrustError} if no trust would hold for it; for a policy that the operator brought, that one
 */
export function registeredPolicy(
  inspection: Inspection,
  url: string,
  given: CheckedTrustPolicy,
  { trust, pin }: RegisterOptions,
): CheckedTrustPolicy {
  const { refusal } = inspection.look;
  if (trust !== undefined && refusal !== undefined) throw refusal;
  if (pin === undefined && refusal === undefined) return given;
  return planTrust(inspection, hostOf(url), pin ?? 'certificate', detailsOf(given));
}

/**
 * Of several certificates nobody can say here which one the new one succeeds, nor whether the rest of
 * the policy is still wanted.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for trust in own certificates and more
 */
export function assertRenewable(id: string, policy: CheckedTrustPolicy): void {
  const { identity, ownCertificates, anchors, defaultRoots, systemRoots, pins } = policy;
  if (sourcesIn(sourcedOf(policy)?.chain?.given.ca).length > 0 && ownCertificates.length > 0) {
    invalidArgument(
      `'${id}' is trusted by what a file holds, and the certificate that the server presents now is not in it`,
      "Put the server's new certificate there, or replace the trust: update(id, { trust }).",
    );
  }
  if (identity === 'pin' || ownCertificates.length === 0) return;
  if (anchors.length === 1 && !defaultRoots && !systemRoots && pins.length === 0) return;
  invalidArgument(
    `'${id}' is trusted by more than one certificate: replace the policy by update(id, { trust })`,
  );
}

/**
 * The same kind of trust in another certificate, where the one on record does not cover it.
 *
 * @throws {TlsTrustError} for an authority's trust: what it did not issue, no approval makes its own
 */
export function renewedPolicy(
  inspection: Inspection,
  url: string,
  policy: CheckedTrustPolicy,
): CheckedTrustPolicy {
  if (policy.anchors.length > 0 && policy.ownCertificates.length === 0) {
    throw inspection.look.refusal;
  }
  const isKey = policy.identity === 'pin' && policy.pins.some((pin) => pin.of === 'key');
  return planTrust(inspection, hostOf(url), isKey ? 'key' : 'certificate', detailsOf(policy));
}

function detailsOf({
  serverName,
  clientCertificate,
  minVersion,
  maxVersion,
  groups,
}: CheckedTrustPolicy): PolicyDetails {
  return { serverName, clientCertificate, minVersion, maxVersion, groups };
}

function hostOf(url: string): string {
  return addressOf(new URL(url)).host;
}

/** The certificate to keep with a policy that has none itself: where a pin is trusted, to be shown. */
export function shownCertificate(
  { identity }: CheckedTrustPolicy,
  { peer }: Inspection,
): string | undefined {
  return identity === 'pin' ? peer.pem : undefined;
}

/** What the record before was about, where the one after is about another certificate. */
export function previousOf(
  record: StoredCertificate | undefined,
  policy: CheckedTrustPolicy,
  { peer }: Inspection,
): StoredCertificate['previous'] {
  const { certificate } = record ?? {};
  if (certificate === undefined) return undefined;
  const { pem, fingerprint } = certificate;
  const next =
    policy.identity === 'pin' ? peer.description.fingerprint : policy.anchors[0]?.fingerprint256;
  if (next === fingerprint) return record?.previous;
  return { pem, fingerprint, replacedAt: new Date().toISOString() };
}

/** The record with other fields; `undefined` leaves one out. What the others name is not read for it. */
export function rewritten(
  record: StoredCertificate,
  changes: Partial<RecordFields>,
): StoredCertificate {
  const { own, others } = trustOf(record);
  const { url, certificate, proxy, labels, approvedBy, approvedAt, expiresAt, previous } = record;
  return makeRecord({
    url,
    trust: own,
    certificate: certificate?.pem,
    origins: others,
    proxy,
    labels,
    approvedBy,
    approvedAt: approvedAt === undefined ? undefined : new Date(approvedAt),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    previous,
    ...changes,
  });
}

/** The certificate on record, described; none where the roots are trusted. */
export async function describeApproved(
  record: StoredCertificate | undefined,
): Promise<CertificateDescription | undefined> {
  const { certificate } = record ?? {};
  return certificate && describe(readOneCertificate(certificate.pem));
}

export function isConflict(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'MCP_TLS_STORE_CONFLICT';
}
