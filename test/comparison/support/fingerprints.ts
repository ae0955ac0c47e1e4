import { createHash, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import type { BatteryPolicy } from '../../../src/testing/index.js';
import { listOf } from './tls-options.js';

/** Fingerprints of the policy's certificates: what somebody would copy into a constant. */
export function expectedFingerprints({ ca }: BatteryPolicy): readonly string[] {
  const all = listOf(ca).flatMap((one): readonly (string | Buffer)[] =>
    typeof one === 'string' ? (one.match(PEM_BLOCK) ?? [one]) : [one],
  );
  if (all.length === 0) throw new Error('no certificate to take the fingerprint of');
  return all.map((one) => new X509Certificate(one).fingerprint256);
}
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Whether a pin names this certificate, by its fingerprint or by its key. No pins: any. */
export function isPinned(certificate: PeerCertificate, pins: BatteryPolicy['pins']): boolean {
  if (pins === undefined) return true;
  const { fingerprint256, pubkey } = certificate;
  const key = pubkey && `sha256/${createHash('sha256').update(pubkey).digest('base64')}`;
  const plain = (pin: string): string => pin.replace(/^SHA256:/, '').replaceAll(':', '');
  return pins.some((pin) => pin === key || plain(pin) === plain(fingerprint256));
}
