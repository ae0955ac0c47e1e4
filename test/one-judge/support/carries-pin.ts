import { createHash, type X509Certificate } from 'node:crypto';

/** Whether the certificate is the pinned one, or holds the pinned key. */
export function carriesPin(certificate: X509Certificate, pin: string): boolean {
  if (pin.startsWith('SHA256:')) {
    return pin.slice(7) === certificate.fingerprint256.replaceAll(':', '');
  }
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return pin === `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}
