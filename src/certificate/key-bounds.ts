import { certificateFields } from './certificate-fields.js';
import { contentBytes, DER_TAG, expectTag, readChildren, readElement } from './der.js';

/**
 * OpenSSL's own for the modulus (OPENSSL_RSA_MAX_MODULUS_BITS). For the exponent it has 64 bits too, but
 * only above 3,072 bits of modulus: below, a signature with an exponent as long as the modulus takes 10 ms,
 * and 100 KB hold forty of them. Authorities use 65,537, rarely 3 or 17.
 */
const MAX_RSA_MODULUS_BITS = 16_384;
const MAX_RSA_EXPONENT_BITS = 64;
/** FIPS 186-4 knows 3,072. OpenSSL takes 10,000. */
const MAX_DSA_MODULUS_BITS = 4_096;

/** rsaEncryption, RSASSA-PSS, and the RSA of X.509 (1988), which OpenSSL takes for the first. */
const RSA = new Set(['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.10', '2.5.8.1.1']);
const DSA = new Set(['1.2.840.10040.4.1', '1.3.14.3.2.12']);

/** Size of a key as its certificate states it, in bits. */
export interface KeySize {
  readonly modulus: number;
  readonly exponent: number;
}

/**
 * In which way the key of a certificate is larger than anybody's, so that to verify with it would be work
 * that a stranger gives us. Its bytes are looked at, and no key is made of them.
 *
 * @returns `undefined` where it is within the bounds
 */
export function keyBeyondBounds({ raw }: { readonly raw: Uint8Array }): string | undefined {
  try {
    const { keyAlgorithm, subjectPublicKeyInfo } = certificateFields(raw);
    const isDsa = DSA.has(keyAlgorithm);
    if (!isDsa && !RSA.has(keyAlgorithm)) return undefined;
    const { modulus, exponent } = isDsa
      ? dsaSize(subjectPublicKeyInfo)
      : rsaSize(subjectPublicKeyInfo);
    const most = isDsa ? MAX_DSA_MODULUS_BITS : MAX_RSA_MODULUS_BITS;
    if (modulus > most) return `a key with a modulus of ${modulus} bits`;
    if (exponent > MAX_RSA_EXPONENT_BITS) return `a key with an exponent of ${exponent} bits`;
    return undefined;
  } catch {
    return 'a key whose size cannot be read';
  }
}

/** RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 §A.1.1). */
export function rsaSize(spki: Uint8Array): KeySize {
  const [, bits] = readChildren(spki, readElement(spki, 0, spki.length));
  // The first octet counts unused bits.
  const bytes = contentBytes(spki, expectTag(bits, DER_TAG.bitString, 'its key')).subarray(1);
  const [modulus, exponent] = readChildren(bytes, readElement(bytes, 0, bytes.length));
  return { modulus: bitsOf(bytes, modulus), exponent: bitsOf(bytes, exponent) };
}

/** Dss-Parms ::= SEQUENCE { p INTEGER, q INTEGER, g INTEGER } (RFC 3279 §2.3.2), which may be left out. */
function dsaSize(spki: Uint8Array): KeySize {
  const [algorithm] = readChildren(spki, readElement(spki, 0, spki.length));
  const outer = expectTag(algorithm, DER_TAG.sequence, 'its key type');
  const [, parameters] = readChildren(spki, outer);
  const p = parameters?.tag === DER_TAG.sequence ? readChildren(spki, parameters)[0] : undefined;
  return { modulus: p === undefined ? 0 : bitsOf(spki, p), exponent: 0 };
}

function bitsOf(bytes: Uint8Array, element: ReturnType<typeof readElement> | undefined): number {
  const content = contentBytes(bytes, expectTag(element, DER_TAG.integer, 'a number of its key'));
  const first = content.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return (content.length - first) * 8 - Math.clz32(content[first] as number) + 24;
}
