import { Buffer } from 'node:buffer';
import { type BerElement, insideOf, NotBer, octetsOf, oidOf, onlyOne, readBer } from './ber.js';
import { decryptByPassword, isAuthentic, WrongPassword } from './decrypt.js';
import { Effort, type Password } from './password-keys.js';

/** What is in a PKCS #12 file, in its order. */
export interface Pkcs12 {
  /** PKCS #8 in DER, not encrypted. */
  readonly keys: readonly Buffer[];
  /** DER. */
  readonly certificates: readonly Buffer[];
}

const DATA = '2a864886f70d010701';
const ENCRYPTED_DATA = '2a864886f70d010706';
const BAG = '2a864886f70d010c0a01';
const X509 = '2a864886f70d01091601';

/** A file that a public key, and no password, protects; or one with content of an unknown kind. */
export class OtherProtection extends Error {}

/**
 * Reads a PKCS #12 file (RFC 7292), as OpenSSL, Windows, macOS, Java and browsers write it. Everything in it is read,
 * or nothing.
 *
 * @param password `undefined` for none
 * @throws {WrongPassword} where its checksum or its padding says so
 * @throws {UnknownAlgorithm} {@link NotBer} {@link OtherProtection} {@link TooManyRounds}
 */
export function readPkcs12(bytes: Buffer, password: string | undefined): Pkcs12 {
  const [version, authSafe, macData] = insideOf(readBer(bytes));
  if (version?.tag !== 2) throw new NotBer();
  const content = octetsOf(dataOf(authSafe));
  // No password and an empty one are two things to the one writer, and one to the other.
  const texts = password === undefined || password === '' ? [undefined, ''] : [password];
  const effort = new Effort();
  const passwords: readonly Password[] = texts.map((text) => ({ text, effort }));
  const right =
    macData === undefined
      ? passwords
      : passwords.filter((one) => isAuthentic(macData, content, one));
  for (const [index, one] of right.entries()) {
    try {
      return readSafes(content, one);
    } catch (error) {
      if (!(error instanceof WrongPassword) || index === right.length - 1) throw error;
    }
  }
  throw new WrongPassword();
}

/** The content of a ContentInfo of plain data. */
function dataOf(contentInfo: BerElement | undefined): BerElement {
  const [type, content] = insideOf(contentInfo);
  if (oidOf(type) !== DATA) throw new OtherProtection();
  return onlyOne(content);
}

function readSafes(content: Buffer, password: Password): Pkcs12 {
  const found: Found = { keys: [], certificates: [], password };
  for (const safe of insideOf(readBer(content))) {
    const [type, inner] = insideOf(safe);
    const kind = oidOf(type);
    if (kind === DATA) readBags(octetsOf(onlyOne(inner)), found, 0);
    else if (kind === ENCRYPTED_DATA) readBags(decrypted(onlyOne(inner), password), found, 0);
    else throw new OtherProtection();
  }
  return found;
}

interface Found {
  readonly keys: Buffer[];
  readonly certificates: Buffer[];
  readonly password: Password;
}

/** Of an EncryptedData (RFC 5652 §8). */
function decrypted(encryptedData: BerElement, password: Password): Buffer {
  const [, info] = insideOf(encryptedData);
  const [, algorithm, bytes] = insideOf(info);
  return decryptByPassword(algorithm, octetsOf(bytes), password);
}

const MAX_NESTING = 8;
/** Of a key and its chain, by far. */
const MAX_CERTIFICATES = 32;
const MAX_KEYS = 4;

/** A file of more certificates or keys than anybody shows to a server. */
export class TooMany extends Error {}

/** Lists of revoked certificates and secrets of other kinds are passed over. */
function readBags(bytes: Buffer, found: Found, depth: number): void {
  if (depth > MAX_NESTING) throw new NotBer();
  for (const bag of insideOf(readBer(bytes))) {
    const [type, wrapped] = insideOf(bag);
    const kind = oidOf(type);
    const value = onlyOne(wrapped);
    if (found.keys.length > MAX_KEYS || found.certificates.length > MAX_CERTIFICATES) {
      throw new TooMany();
    }
    if (kind === `${BAG}01`) found.keys.push(rewritten(value));
    else if (kind === `${BAG}02`) found.keys.push(openKey(value, found.password));
    else if (kind === `${BAG}03`) readCertificate(value, found);
    else if (kind === `${BAG}06`) readBags(rewritten(value), found, depth + 1);
  }
}

/** Of an EncryptedPrivateKeyInfo. */
function openKey(value: BerElement, password: Password): Buffer {
  const [algorithm, bytes] = insideOf(value);
  return decryptByPassword(algorithm, octetsOf(bytes), password);
}

function readCertificate(value: BerElement, found: Found): void {
  const [type, certificate] = insideOf(value);
  if (oidOf(type) === X509) found.certificates.push(octetsOf(onlyOne(certificate)));
}

/** The element with a length that is not left open. */
function rewritten({ tag, content }: BerElement): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x84]), length, content]);
}
