import { TlsConfigError } from '../errors.js';
import type { StoredCertificate } from '../store/certificate-store.js';
import type { RegisteredServer, RegisteredTrust } from './server-registry.js';

/** A record with what a registry needs of it. */
export interface KnownServer {
  readonly id: string;
  readonly record: StoredCertificate & { readonly url: string };
}

const DAY_MS = 86_400_000;

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a record that others wrote, without a URL */
export function knownServer(id: string, record: StoredCertificate): KnownServer {
  if (record.url === undefined) {
    throw new TlsConfigError(
      'MCP_TLS_INVALID_ARGUMENT',
      `the record of '${id}' has no url: register it, or write one`,
    );
  }
  // The same object as the store gave: that it is the same is how an unchanged record is known.
  return { id, record: record as KnownServer['record'] };
}

/** What vouches for the server, read from the shape of its record. */
export function registeredTrust(record: StoredCertificate): RegisteredTrust {
  if (record.identity === 'pin') {
    return record.pins?.some((pin) => pin.startsWith('sha256/')) ? 'key' : 'certificate';
  }
  if (record.roots === 'default') return 'default roots';
  return record.authority === true ? 'authority' : 'certificate';
}

/** The record for lists and pages. */
export function toRegisteredServer({ id, record }: KnownServer): RegisteredServer {
  return Object.freeze({
    id,
    url: record.url,
    trust: registeredTrust(record),
    fingerprint: record.fingerprint,
    isSelfSigned: record.isSelfSigned,
    notAfter: record.notAfter,
    expiresAt: record.expiresAt,
    serverName: record.serverName,
    pins: record.pins,
    daysLeft: daysUntil(new Date(record.notAfter), new Date()),
    approvedBy: record.approvedBy,
    approvedAt: record.approvedAt,
    previousFingerprint: record.previous?.fingerprint,
  });
}

/** Whole days; negative when it is over. */
export function daysUntil(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / DAY_MS);
}
