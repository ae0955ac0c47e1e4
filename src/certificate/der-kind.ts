import {
  contentBytes,
  DER_TAG,
  type DerElement,
  readChildren,
  readElement,
  readOid,
} from './der.js';

/**
 * What the DER `bytes` are when they are not a certificate, in words for an error message. A guess
 * from the shape of the first two levels: it is never used to decide, only to explain.
 */
export function derKind(bytes: Uint8Array): string | undefined {
  try {
    const outer = readElement(bytes, 0, bytes.length);
    return outer.tag === DER_TAG.sequence
      ? kindOfSequence(bytes, readChildren(bytes, outer))
      : undefined;
  } catch {
    return undefined;
  }
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';

function kindOfSequence(bytes: Uint8Array, parts: readonly DerElement[]): string | undefined {
  const [first, second] = parts;
  if (first?.tag === DER_TAG.integer && second !== undefined) {
    return kindOfVersioned(contentBytes(bytes, first)[0], second.tag);
  }
  if (first?.tag === DER_TAG.oid) {
    return readOid(bytes, first) === SIGNED_DATA ? 'a PKCS #7 bundle' : undefined;
  }
  if (first?.tag !== DER_TAG.sequence) {
    return undefined;
  }
  if (second?.tag === DER_TAG.bitString && parts.length === 2) {
    return 'a public key';
  }
  if (second?.tag === DER_TAG.octetString && parts.length === 2) {
    return 'an encrypted private key';
  }
  return parts.length === 3
    ? kindOfSigned(readChildren(bytes, first).map((part) => part.tag))
    : undefined;
}

/** PKCS #8 and PKCS #1 start with 0, SEC1 with 1, PKCS #12 with 3. */
function kindOfVersioned(version: number | undefined, secondTag: number): string | undefined {
  if (version === 3 && secondTag === DER_TAG.sequence) {
    return 'a PKCS #12 file';
  }
  const secret: readonly number[] = [DER_TAG.sequence, DER_TAG.integer, DER_TAG.octetString];
  return secret.includes(secondTag) ? 'a private key' : undefined;
}

/** A CSR has [version, name, key, attributes], a CRL [version?, algorithm, issuer, time ...]. */
function kindOfSigned(tags: readonly number[]): string | undefined {
  const times: readonly (number | undefined)[] = [DER_TAG.utcTime, DER_TAG.generalizedTime];
  const afterVersion = tags[0] === DER_TAG.integer ? tags.slice(1) : tags;
  if (times.includes(afterVersion[2])) {
    return 'a certificate revocation list (CRL)';
  }
  const isRequest = tags[0] === DER_TAG.integer && tags[1] === DER_TAG.sequence && tags.length <= 4;
  return isRequest ? 'a certificate signing request (CSR)' : undefined;
}
