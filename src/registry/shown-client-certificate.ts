import { brief, printable } from '../certificate/printable.js';
import { validityOf } from '../certificate/validity.js';
import type { CheckedClientCertificate } from '../trust/client-certificate.js';

const DAY_MS = 86_400_000;

/** The certificate that a server is shown, for lists, pages and alarms. Of its key there is nothing here. */
export interface ShownClientCertificate {
  /** Distinguished name on one line, `CN=billing, O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256, colon-separated upper-case hex. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whole days until `notAfter`; negative after it. */
  readonly daysLeft: number;
}

export function shownClientCertificate(
  certificate: CheckedClientCertificate | undefined,
  now: Date,
): ShownClientCertificate | undefined {
  if (certificate === undefined) return undefined;
  const { leaf } = certificate;
  const { notBefore, notAfter } = validityOf(leaf);
  return Object.freeze({
    subject: onOneLine(leaf.subject),
    issuer: onOneLine(leaf.issuer),
    fingerprint: leaf.fingerprint256,
    notBefore,
    notAfter,
    daysLeft: daysUntil(notAfter, now),
  });
}

/** Node.js has none for an empty name. */
function onOneLine(name: string | undefined): string {
  return brief(printable((name ?? '').replaceAll('\n', ', ')));
}

/** Whole days; negative when it is over. */
export function daysUntil(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / DAY_MS);
}
