export type {
  AlternativeNames,
  ExtendedKeyUsage,
  KeyUsage,
  NameConstraints,
} from './certificate-extensions.js';
export type { CertificateHash, CertificateKeyType } from './certificate-keys.js';
export type { DistinguishedName } from './distinguished-name.js';
export { type HeldCertificate, heldCertificate } from './held-certificate.js';
export type { CertificateDefect, HeldCertificateOptions } from './held-certificate-options.js';
