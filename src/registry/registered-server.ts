import { validityOf } from '../certificate/validity.js';
import type { CheckedServerTrust } from '../store/record/server-trust.js';
import type { RegisteredKind, RegisteredServer } from './types.js';

const DAY_MS = 86_400_000;

/** What vouches for a server. */
export function kindOf({ policy }: Pick<CheckedServerTrust, 'policy'>): RegisteredKind {
  if (policy.identity === 'pin') {
    return policy.pins.some((pin) => pin.of === 'key') ? 'key' : 'certificate';
  }
  // The widest of them, where there are several.
  if (policy.defaultRoots) return 'roots';
  return policy.trustsChains ? 'authority' : 'certificate';
}

/** The record for lists and pages. */
export function toRegisteredServer(id: string, server: CheckedServerTrust): RegisteredServer {
  const { record, policy } = server;
  const { certificate, expiresAt, approvedAt, approvedBy, previous, labels = {} } = record;
  const notAfter = certificate && new Date(certificate.notAfter);
  const { leaf } = policy.clientCertificate ?? {};
  return Object.freeze({
    id,
    url: record.url,
    kind: kindOf(server),
    fingerprint: certificate?.fingerprint,
    isSelfSigned: certificate?.isSelfSigned ?? false,
    notAfter,
    daysLeft: notAfter && daysUntil(notAfter, new Date()),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    serverName: policy.serverName,
    pins: policy.pins.map(({ text }) => text),
    clientCertificate: leaf && {
      fingerprint: leaf.fingerprint256,
      notAfter: validityOf(leaf).notAfter,
    },
    approvedBy,
    approvedAt: approvedAt === undefined ? undefined : new Date(approvedAt),
    previousFingerprint: previous?.fingerprint,
    labels,
  });
}

/** Whole days; negative when it is over. */
export function daysUntil(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / DAY_MS);
}
