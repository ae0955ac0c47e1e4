import type { CheckedServerTrust } from '../store/record/server-trust.js';
import { rootsOf } from '../trust/check-trust-policy.js';
import { daysUntil, shownClientCertificate } from './shown-client-certificate.js';
import type { RegisteredKind, RegisteredServer } from './types.js';

/** What vouches for a server. */
export function kindOf({ policy }: Pick<CheckedServerTrust, 'policy'>): RegisteredKind {
  if (policy.identity === 'pin') {
    return policy.pins.some((pin) => pin.of === 'key') ? 'key' : 'certificate';
  }
  // The widest of them, where there are several.
  if (rootsOf(policy) !== undefined) return 'roots';
  return policy.trustsChains ? 'authority' : 'certificate';
}

/** The record for lists and pages. */
export function toRegisteredServer(id: string, server: CheckedServerTrust): RegisteredServer {
  const { record, policy } = server;
  const { certificate, expiresAt, approvedAt, approvedBy, previous, labels = {} } = record;
  const notAfter = certificate && new Date(certificate.notAfter);
  const now = new Date();
  return Object.freeze({
    id,
    url: record.url,
    kind: kindOf(server),
    fingerprint: certificate?.fingerprint,
    isSelfSigned: certificate?.isSelfSigned ?? false,
    notAfter,
    daysLeft: notAfter && daysUntil(notAfter, now),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    serverName: policy.serverName,
    pins: policy.pins.map(({ text }) => text),
    clientCertificate: shownClientCertificate(policy.clientCertificate, now),
    approvedBy,
    approvedAt: approvedAt === undefined ? undefined : new Date(approvedAt),
    previousFingerprint: previous?.fingerprint,
    labels,
  });
}
