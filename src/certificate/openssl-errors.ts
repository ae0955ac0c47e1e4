import type { X509Certificate } from 'node:crypto';

/**
 * Reads a property of a certificate that a stranger may have made, without harm to other
 * connections.
 *
 * OpenSSL keeps the errors of a thread in one queue. These getters of Node.js's X509Certificate
 * leave errors there if the extension does not decode: `keyUsage` on every line, and
 * `subjectAltName`, `checkHost`, `checkIP` and `infoAccess` on Node 20. Whichever TLS connection of
 * the process reads or writes next takes them for its own and is destroyed. `checkIssued` clears
 * the queue, in about a microsecond.
 */
export function readQuietly<T>(
  certificate: X509Certificate,
  read: (certificate: X509Certificate) => T,
): T {
  try {
    return read(certificate);
  } finally {
    certificate.checkIssued(certificate);
  }
}

/**
 * The subjectAltNames as Node.js prints them; `undefined` without any, and for those that do not decode: Node.js 26.12
 * throws where its other lines give none. To be shown: whom a certificate names, `checkHost` and `checkIP` say.
 */
export function printedNames(certificate: X509Certificate): string | undefined {
  try {
    return readQuietly(certificate, (c) => c.subjectAltName);
  } catch {
    return undefined;
  }
}
