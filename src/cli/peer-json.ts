import type { CertificateDescription, PeerCertificate } from '../core.js';
import { daysUntil } from '../registry/shown-client-certificate.js';
import { isReadable } from './readable-policy.js';

/** A certificate as JSON: its description, and how many days are left. */
export function certificateJson(description: CertificateDescription): object {
  const { notBefore, notAfter } = description;
  const daysLeft = daysUntil(notAfter, new Date());
  return {
    ...description,
    isSelfSigned: description.isSelfSigned ?? null,
    notBefore: isoOf(notBefore),
    notAfter: isoOf(notAfter),
    daysLeft: Number.isNaN(daysLeft) ? null : daysLeft,
  };
}

/** What a server presented, as docs/cli.md documents it. Absent facts are `null`. */
export function peerJson(peer: PeerCertificate): Record<string, unknown> {
  const { host, port, serverName, trusted, problems, remarks } = peer;
  const { protocol = null, cipher = null, group = null } = peer;
  const { asksForCertificate, certificateTrusted } = peer;
  return {
    ...{ host, port, serverName, trusted, problems, remarks },
    ...{ protocol, cipher, group, asksForCertificate, certificateTrusted },
    certificate: certificateJson(peer.description),
    issuers: peer.issuers.map(certificateJson),
    pem: peer.pem,
    chain: peer.chain,
    suggestedPolicy: isReadable(peer.suggestedPolicy) ? peer.suggestedPolicy : null,
  };
}

function isoOf(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
