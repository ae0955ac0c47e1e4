import { Buffer } from 'node:buffer';
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { type BerElement, insideOf, NotBer, numberOf, octetsOf, oidOf } from './ber.js';
import {
  bytesOfHash,
  deriveByPbkdf2,
  deriveByPkcs12,
  hashOf,
  type Password,
  type Purpose,
  UnknownAlgorithm,
} from './password-keys.js';

/** Bytes that a password does not decrypt. */
export class WrongPassword extends Error {}

const PBES2 = '2a864886f70d01050d';
const PBMAC1 = '2a864886f70d01050e';

interface Cipher {
  readonly name: string;
  readonly keyBytes: number;
}

const CIPHERS: Readonly<Record<string, Cipher>> = {
  '60864801650304012a': { name: 'aes-256-cbc', keyBytes: 32 },
  '608648016503040116': { name: 'aes-192-cbc', keyBytes: 24 },
  '608648016503040102': { name: 'aes-128-cbc', keyBytes: 16 },
  '2a864886f70d0307': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/** Of PKCS #12 itself (RFC 7292 appendix C). */
const OWN_CIPHERS: Readonly<Record<string, Cipher>> = {
  '2a864886f70d010c0103': { name: 'des-ede3-cbc', keyBytes: 24 },
  '2a864886f70d010c0104': { name: 'des-ede-cbc', keyBytes: 16 },
};

/** For messages: what was weak enough that OpenSSL keeps it in a provider of its own. */
const LEGACY: Readonly<Record<string, string>> = {
  '2a864886f70d010c0101': 'RC4 of 128 bits',
  '2a864886f70d010c0102': 'RC4 of 40 bits',
  '2a864886f70d010c0105': 'RC2 of 128 bits',
  '2a864886f70d010c0106': 'RC2 of 40 bits',
  '2a864886f70d0302': 'RC2',
  '2a864886f70d0304': 'RC4',
  '2b0e030207': 'DES',
};

/**
 * @param algorithm AlgorithmIdentifier of a password-based encryption
 * @throws {UnknownAlgorithm} {@link WrongPassword}
 */
export function decryptByPassword(
  algorithm: BerElement | undefined,
  bytes: Buffer,
  password: Password,
): Buffer {
  const [oid, parameters] = insideOf(algorithm);
  const id = oidOf(oid);
  if (id === PBES2) return decryptByPbes2(parameters, bytes, password);
  const cipher = OWN_CIPHERS[id];
  if (cipher === undefined) throw new UnknownAlgorithm(LEGACY[id]);
  const [salt, rounds] = insideOf(parameters);
  const given = { hash: 'sha1', salt, iterations: numberOf(rounds) };
  const derive = (purpose: Purpose, length: number): Buffer =>
    deriveByPkcs12(given, password, purpose, length);
  return decipher(cipher, derive('key', cipher.keyBytes), derive('iv', 8), bytes);
}

function decryptByPbes2(
  parameters: BerElement | undefined,
  bytes: Buffer,
  password: Password,
): Buffer {
  const [derivation, encryption] = insideOf(parameters);
  const [oid, iv] = insideOf(encryption);
  const cipher = CIPHERS[oidOf(oid)];
  if (cipher === undefined) throw new UnknownAlgorithm(LEGACY[oidOf(oid)]);
  const key = deriveByPbkdf2(derivation, password, cipher.keyBytes);
  return decipher(cipher, key, octetsOf(iv), bytes);
}

function decipher({ name }: Cipher, key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  let made: ReturnType<typeof createDecipheriv>;
  try {
    made = createDecipheriv(name, key, iv);
  } catch {
    throw iv.length === 8 || iv.length === 16 ? new UnknownAlgorithm(undefined) : new NotBer();
  }
  try {
    return Buffer.concat([made.update(bytes), made.final()]);
  } catch {
    throw new WrongPassword();
  }
}

/** Of HMAC-SHA512. */
const MAX_MAC_KEY_BYTES = 64;

/** Whether `content` is what was written by whoever knows the password. @param macData MacData */
export function isAuthentic(macData: BerElement, content: Buffer, password: Password): boolean {
  const [digestInfo, salt, rounds] = insideOf(macData);
  const [algorithm, digest] = insideOf(digestInfo);
  const [oid, parameters] = insideOf(algorithm);
  if (oidOf(oid) === PBMAC1) {
    const [derivation, mac] = insideOf(parameters);
    const length = insideOf(insideOf(derivation)[1]).filter(({ tag }) => tag === 2)[1];
    // RFC 9579 §4: the length has to be there.
    if (numberOf(length) > MAX_MAC_KEY_BYTES) throw new NotBer();
    const key = deriveByPbkdf2(derivation, password, numberOf(length));
    return isSame(createHmac(hashOf(mac), key).update(content).digest(), octetsOf(digest));
  }
  const hash = hashOf(algorithm);
  const iterations = rounds === undefined ? 1 : numberOf(rounds);
  // A key as long as the digest: of another length, no digest is right.
  if (octetsOf(digest).length !== bytesOfHash(hash)) throw new NotBer();
  const key = deriveByPkcs12({ hash, salt, iterations }, password, 'mac', bytesOfHash(hash));
  return isSame(createHmac(hash, key).update(content).digest(), octetsOf(digest));
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
