import type { CheckedServerTrust } from '../store/record/server-trust.js';
import type { StoredTrust } from '../store/record/stored-certificate.js';
import { type ChainReader, readPins, rootsOf } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import type { Pin } from '../trust/pin.js';
import { daysUntil, shownClientCertificate } from './shown-client-certificate.js';
import { factsNow, trustNow } from './trust-now.js';
import type { RegisteredKind, RegisteredServer } from './types.js';

/** What a server is trusted by. */
export function kindOf({ policy }: { readonly policy: CheckedTrustPolicy }): RegisteredKind {
  if (policy.identity === 'pin') {
    return policy.pins.some((pin) => pin.of === 'key') ? 'key' : 'certificate';
  }
  // The widest of them, where there are several.
  if (rootsOf(policy) !== undefined) return 'roots';
  return policy.trustsChains ? 'authority' : 'certificate';
}

/** The same where what the record names cannot be read. */
function kindInWords(trust: StoredTrust): RegisteredKind {
  const { identity, roots, authority } = trust;
  if (identity === 'pin') {
    return pinsInWords(trust).some((pin) => pin.of === 'key') ? 'key' : 'certificate';
  }
  if (roots === 'default' || roots === 'system') return 'roots';
  return authority === false ? 'certificate' : 'authority';
}

function pinsInWords({ pins }: StoredTrust): readonly Pin[] {
  return pins === undefined ? [] : readPins(pins);
}

function nameInWords({ serverName }: StoredTrust): string | undefined {
  return typeof serverName === 'object' ? serverName.uri : serverName;
}

/** The record for lists and pages. @param chains for whoever makes many of them */
export function toRegisteredServer(
  id: string,
  server: CheckedServerTrust,
  chains?: ChainReader,
): RegisteredServer {
  const { record, named } = server;
  const { expiresAt, approvedAt, approvedBy, previous, labels = {}, trust } = record;
  const current = trustNow(server, chains);
  const { policy, error } = current;
  const facts = factsNow(server, current);
  const notAfter = facts && new Date(facts.notAfter);
  const now = new Date();
  return Object.freeze({
    id,
    url: record.url,
    kind: policy === undefined ? kindInWords(trust) : kindOf({ policy }),
    fingerprint: facts?.fingerprint,
    isSelfSigned: facts?.isSelfSigned ?? false,
    notAfter,
    daysLeft: notAfter && daysUntil(notAfter, now),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    serverName: policy === undefined ? nameInWords(trust) : policy.serverName,
    pins: (policy?.pins ?? pinsInWords(trust)).map(({ text }) => text),
    clientCertificate: shownClientCertificate(policy?.clientCertificate, now),
    sources: named.files,
    sourceError: error,
    approvedBy,
    approvedAt: approvedAt === undefined ? undefined : new Date(approvedAt),
    previousFingerprint: previous?.fingerprint,
    labels,
  });
}
