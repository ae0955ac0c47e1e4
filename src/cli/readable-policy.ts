import type { PeerCertificate, TrustPolicy } from '../core.js';

/** Whether a suggested policy can be shown: none that holds a key, or comes from files. */
export function isReadable(policy: PeerCertificate['suggestedPolicy']): policy is TrustPolicy {
  if (typeof policy !== 'object' || policy === null) return false;
  const { ca, clientCertificate, crl } = policy as unknown as Readonly<Record<string, unknown>>;
  const isPlain = Object.getPrototypeOf(policy) === Object.prototype;
  return isPlain && (ca === undefined || typeof ca === 'string') && !clientCertificate && !crl;
}
