import { McpTlsError } from '../../src/errors.js';
import type { HeldCertificate } from '../../src/testing/index.js';

export const DAY_MS = 86_400_000;

/** DER of an object identifier's content, to look for in a certificate's bytes. */
export function contains(held: HeldCertificate, hex: string): boolean {
  return held.certificate.raw.toString('hex').includes(hex);
}

export const OID = {
  basicConstraints: '0603551d13',
  keyUsage: '0603551d0f',
  subjectAltName: '0603551d11',
  nameConstraints: '0603551d1e',
  subjectKeyId: '0603551d0e',
  authorityKeyId: '0603551d23',
} as const;

export function signatureAlgorithmOf(held: HeldCertificate): string {
  // Node.js 20 has no property for it. The outer algorithm stands after everything that is signed.
  const raw = held.certificate.raw.toString('hex');
  const known: Record<string, string> = {
    '06072a8648ce3d0401': 'ecdsa-sha1',
    '06082a8648ce3d040302': 'ecdsa-sha256',
    '06082a8648ce3d040303': 'ecdsa-sha384',
    '06082a8648ce3d040304': 'ecdsa-sha512',
    '06092a864886f70d010105': 'rsa-sha1',
    '06092a864886f70d01010b': 'rsa-sha256',
    '06092a864886f70d01010a': 'rsa-pss',
    '06032b6570': 'ed25519',
    '06032b6571': 'ed448',
    '0609608648016503040312': 'ml-dsa-65',
  };
  const hits = Object.entries(known).map(([oid, name]) => [raw.lastIndexOf(oid), name] as const);
  return hits.sort((a, b) => b[0] - a[0])[0]?.[1] ?? 'unknown';
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof McpTlsError) return error.code;
    throw error;
  }
  return 'no error';
}
