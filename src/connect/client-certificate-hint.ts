import type { X509Certificate } from 'node:crypto';
import { printable } from '../certificate/printable.js';
import { validityOf } from '../certificate/validity.js';
import type { CheckedClientCertificate } from '../trust/client-certificate.js';
import { mayIdentifyClients } from '../trust/leaf-fitness.js';

/**
 * What is known of our own certificate that a server did not take: what is wrong with it for every server, what
 * the server's alert says, or who issued it, which is what most servers go by.
 *
 * Node.js does not show which issuers a server asked for.
 *
 * @param code of the alert, where there was one
 */
export function clientCertificateHint(
  { leaf }: CheckedClientCertificate,
  code: string,
  now: Date,
): string {
  const { notBefore, notAfter } = validityOf(leaf);
  if (!(now <= notAfter)) return `The client certificate expired on ${leaf.validTo}: renew it.`;
  if (!(now >= notBefore)) {
    return `The client certificate is not valid before ${leaf.validFrom}: correct the clock, or wait.`;
  }
  if (!mayIdentifyClients(leaf)) {
    return 'The client certificate is not for clients: its extended key usage has no clientAuth, or its key usage forbids to sign. Have it issued for clients.';
  }
  const alert = ALERTS.find(([pattern]) => pattern.test(code))?.[1];
  const issuer = nameOf(leaf.issuer);
  if (alert !== undefined) return alert(leaf, issuer);
  return `The client certificate is valid by itself. It was issued by ${issuer}: ask the operator of the server whether it takes that issuer's, and whether its subject is allowed (its log says why it closed); intermediates belong into trust.clientCertificate.cert.`;
}

type Says = (leaf: X509Certificate, issuer: string) => string;

const ALERTS: readonly (readonly [RegExp, Says])[] = [
  [
    /UNKNOWN_CA$/,
    (_, issuer) =>
      `The server does not know its issuer, ${issuer}: get a client certificate that its own CA issued, or add the intermediates to trust.clientCertificate.cert.`,
  ],
  [
    /CERTIFICATE_EXPIRED$/,
    (leaf) =>
      `The server says that it has expired, and it is valid until ${leaf.validTo} here: compare the clocks, and look at its intermediates.`,
  ],
  [
    /CERTIFICATE_REVOKED$/,
    (_, issuer) => `The server says that it was revoked: get another one from ${issuer}.`,
  ],
];

/** On one line, and not without end. */
function nameOf(name: string | undefined): string {
  const text = printable((name ?? '').replaceAll('\n', ', '));
  return text === '' ? 'a nameless issuer' : `'${text.slice(0, 200)}'`;
}
