import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  heldCertificate,
} from '../../../src/testing/index.js';

/**
 * A certificate for a key of the caller's: keys are made once and shared by many certificates, and
 * may be weaker than any that {@link heldCertificate} makes.
 */
export function certificateOf(
  keyPem: string,
  options: Omit<HeldCertificateOptions, 'renewFrom' | 'key'> = {},
): Promise<HeldCertificate> {
  const renewFrom = { keyPem, pem: '', options: {} } as HeldCertificate;
  return heldCertificate({ commonName: uniqueName(), ...options, renewFrom });
}

let names = 0;
/** Short: 250 certificates must fit into the 100 KB that OpenSSL takes of a server. */
function uniqueName(): string {
  names += 1;
  return `one judge ${names}`;
}

export function rsaKey(bits: number): string {
  return pkcs8(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey);
}

export function ecKey(): string {
  return pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

function pkcs8(key: ReturnType<typeof createPrivateKey>): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * The certificate with other bytes in the place of `from`, of the same length. Its signature is
 * broken by that, which nobody relies on where the certificate is trusted by its bytes or its key.
 */
export function patched(held: HeldCertificate, from: string, to: string): HeldCertificate {
  const der = Buffer.from(held.certificate.raw);
  const at = der.indexOf(from, 0, 'latin1');
  if (at === -1 || from.length !== to.length) throw new Error(`cannot put ${to} for ${from}`);
  der.write(to, at, 'latin1');
  const certificate = new X509Certificate(der);
  const certificatePem = certificate.toString();
  const { fingerprint256 } = certificate;
  return {
    ...held,
    certificate,
    pem: certificatePem,
    chainPem: certificatePem,
    fingerprint: fingerprint256,
  };
}

/** A time as a certificate holds it before the year 2050. */
export function utcTime(date: Date): string {
  return `${date.toISOString().slice(2, 19).replace(/\D/g, '')}Z`;
}

/** What stands in a policy's `pins` for the whole certificate. */
export function certificatePin({ fingerprint: fingerprint256 }: HeldCertificate): string {
  return `SHA256:${fingerprint256.replaceAll(':', '')}`;
}

/** `held` as a root that another process was started with. */
export function rootFrom(certificatePem: string, keyPem: string): HeldCertificate {
  const certificate = new X509Certificate(certificatePem);
  return {
    pem: certificatePem,
    keyPem: pkcs8(createPrivateKey(keyPem)),
    chainPem: certificatePem,
    fingerprint: certificate.fingerprint256,
    spkiPin: '',
    certificate,
    issuer: undefined,
    options: { isCa: true },
  };
}
