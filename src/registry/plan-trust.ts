import { type PemInput, readCertificates, toPem } from '../certificate/pem.js';
import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import type { StoredCertificate } from '../store/certificate-store.js';
import type { StoredCertificateInput } from '../store/make-stored-certificate.js';
import { readPin } from '../trust/pin.js';
import { registeredTrust } from './known-server.js';
import type { RegisterOptions } from './server-registry.js';

/** The fields of a record that say what is trusted. */
export type TrustFields = Pick<
  StoredCertificateInput,
  'certificatePem' | 'authority' | 'roots' | 'pins' | 'identity' | 'serverName' | 'allowExpired'
>;

/** Whether a client with the default roots would connect (a missing client certificate aside). */
export function isPubliclyTrusted({ suggestedPolicy }: PeerCertificate): boolean {
  if (suggestedPolicy === null) return true;
  // With a server name of the caller's, the suggestion repeats that name and nothing else.
  return suggestedPolicy !== undefined && Object.keys(suggestedPolicy).join() === 'serverName';
}

/** What to store for a server that presents `peer` and is to be trusted in the way `trust` says. */
export function planTrust(
  peer: PeerCertificate,
  trust: RegisterOptions['trust'],
  serverName: string | undefined,
): TrustFields {
  const name = serverName === undefined ? {} : { serverName };
  if (trust === 'key') return byPin(peer, peer.description.spkiPin, name);
  if (typeof trust === 'object') return { ...authorityFields(trust.ca), ...name };
  if (trust === undefined && isPubliclyTrusted(peer)) return { ...byRoots(peer), ...name };
  const suggested = peer.suggestedPolicy;
  // Names that are of no use, or an end that has passed: the certificate itself is the identity.
  if (suggested?.identity === 'pin') return byPin(peer, peer.description.fingerprint, name);
  const usable = suggested?.serverName ?? serverName;
  return {
    certificatePem: peer.pem,
    authority: false,
    ...(usable === undefined ? {} : { serverName: usable }),
  };
}

/** As {@link planTrust}, in the way in which the server is trusted already. */
export function planRenewal(peer: PeerCertificate, record: StoredCertificate): TrustFields {
  const { certificatePem, authority, serverName } = record;
  const way = registeredTrust(record);
  if (way === 'authority') {
    const name = serverName === undefined ? {} : { serverName };
    return { certificatePem, authority: authority === true, ...name };
  }
  const trust = way === 'default roots' ? undefined : way;
  return planTrust(peer, trust, serverName);
}

/**
 * Whether the trust on record covers the certificate that was presented. Pure; `peer` was judged
 * under the anchors of the record, where these are authorities.
 */
export function coversPeer(record: StoredCertificate, peer: PeerCertificate): boolean {
  const { fingerprint, spkiPin } = peer.description;
  const way = registeredTrust(record);
  if (way === 'default roots' || way === 'authority') return isPubliclyTrusted(peer);
  if (record.identity !== 'pin') return fingerprint === record.fingerprint;
  return (record.pins ?? []).some((text) => {
    const pin = readPin(text);
    return pin.text === (pin.of === 'key' ? spkiPin : fingerprint);
  });
}

function byPin(peer: PeerCertificate, pin: string, name: { serverName?: string }): TrustFields {
  const expired = peer.problems.some(
    ({ code, certificate = 0 }) => code === 'expired' && certificate === 0,
  );
  return {
    certificatePem: peer.pem,
    identity: 'pin',
    pins: [pin],
    ...(expired ? { allowExpired: true } : {}),
    ...name,
  };
}

/** The certificate is kept to be shown; beside the roots it adds nothing that they do not vouch for. */
function byRoots(peer: PeerCertificate): TrustFields {
  return { certificatePem: peer.pem, authority: false, roots: 'default' };
}

function authorityFields(ca: PemInput): TrustFields {
  return { certificatePem: readCertificates(ca).map(toPem).join(''), authority: true };
}
