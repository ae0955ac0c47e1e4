import { Buffer } from 'node:buffer';
import { createHash, pbkdf2Sync } from 'node:crypto';
import { type BerElement, insideOf, NotBer, numberOf, octetsOf, oidOf } from './ber.js';

/**
 * What a file may cost, all derivations together: a file that says more would keep the process busy for as long as its
 * author likes. A round of PBKDF2 takes about a microsecond, one of the older derivation some ten.
 */
const MAX_COST_US = 4_000_000;
const OLDER_ROUND_US = 10;
/** Of OpenSSL 8 or 16 bytes, of others 20 or 32. Each round of some derivations works on all of it. */
const MAX_SALT_BYTES = 1024;

/** More rounds than are made here. */
export class TooManyRounds extends Error {}
/** An algorithm that is not among those that are read here. */
export class UnknownAlgorithm extends Error {
  /** @param what for a message: a name of ours, or nothing that is known */
  constructor(readonly what: string | undefined) {
    super();
  }
}

const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040204': 'sha224',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  // hmacWith...
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0208': 'sha224',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};

/** @param algorithm AlgorithmIdentifier */
export function hashOf(algorithm: BerElement | undefined): string {
  const name = HASHES[oidOf(insideOf(algorithm)[0])];
  if (name === undefined) throw new UnknownAlgorithm(undefined);
  return name;
}

const PBKDF2 = '2a864886f70d01050c';

/** What is left to be spent for one file. */
export class Effort {
  #leftUs = MAX_COST_US;

  /** @throws {TooManyRounds} {@link NotBer} */
  spend(rounds: number, blocks: number, roundUs: number): void {
    if (rounds < 1) throw new NotBer();
    this.#leftUs -= rounds * Math.max(1, blocks) * roundUs;
    if (this.#leftUs < 0) throw new TooManyRounds();
  }
}

/** A password, and what may be spent on it. `text` is `undefined` for none. */
export interface Password {
  readonly text: string | undefined;
  readonly effort: Effort;
}

function saltOf(element: BerElement | undefined): Buffer {
  const salt = octetsOf(element);
  if (salt.length > MAX_SALT_BYTES) throw new NotBer();
  return salt;
}

/** Bytes of what a hash gives. */
const HASH_BYTES: Readonly<Record<string, number>> = {
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

export function bytesOfHash(hash: string): number {
  return HASH_BYTES[hash] as number;
}

/** The key of PBKDF2 (RFC 8018 §5.2). @param algorithm AlgorithmIdentifier @param length of the key, in bytes */
export function deriveByPbkdf2(
  algorithm: BerElement | undefined,
  { text = '', effort }: Password,
  length: number,
): Buffer {
  const [oid, parameters] = insideOf(algorithm);
  if (oidOf(oid) !== PBKDF2) throw new UnknownAlgorithm('a key derivation other than PBKDF2');
  const [salt, rounds, ...optional] = insideOf(parameters);
  const iterations = numberOf(rounds);
  const prf = optional.find(({ tag }) => tag === 0x30);
  const hash = prf === undefined ? 'sha1' : hashOf(prf);
  effort.spend(iterations, Math.ceil(length / bytesOfHash(hash)), 1);
  return pbkdf2Sync(Buffer.from(text, 'utf8'), saltOf(salt), iterations, length, hash);
}

/** What a key of the older derivation is for. */
export type Purpose = 'key' | 'iv' | 'mac';
const PURPOSES: Readonly<Record<Purpose, number>> = { key: 1, iv: 2, mac: 3 };

export interface Derivation {
  readonly hash: string;
  readonly salt: BerElement | undefined;
  readonly iterations: number;
}

/**
 * The key derivation of PKCS #12 itself (RFC 7292 appendix B.2).
 *
 * No password is not the same as an empty one.
 *
 * @param length in bytes
 */
export function deriveByPkcs12(
  { hash, salt, iterations }: Derivation,
  { text, effort }: Password,
  purpose: Purpose,
  length: number,
): Buffer {
  effort.spend(iterations, Math.ceil(length / bytesOfHash(hash)), OLDER_ROUND_US);
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const diversifier = Buffer.alloc(block, PURPOSES[purpose]);
  const input = Buffer.concat([filled(saltOf(salt), block), filled(bmpOf(text), block)]);
  const pieces: Buffer[] = [];
  for (let made = 0; made < length; ) {
    let digest = createHash(hash).update(diversifier).update(input).digest();
    for (let i = 1; i < iterations; i++) digest = createHash(hash).update(digest).digest();
    pieces.push(digest);
    made += digest.length;
    if (made < length) addToEach(input, filled(digest, block).subarray(0, block), block);
  }
  return Buffer.concat(pieces).subarray(0, length);
}

/** As often as it takes to fill whole blocks; nothing of nothing. */
function filled(bytes: Buffer, block: number): Buffer {
  const size = block * Math.ceil(bytes.length / block);
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, bytes);
}

/** Each block of `input` becomes itself + `addend` + 1, modulo its size. */
function addToEach(input: Buffer, addend: Buffer, block: number): void {
  for (let start = 0; start < input.length; start += block) {
    let carry = 1;
    for (let i = block - 1; i >= 0; i--) {
      const sum = (input[start + i] as number) + (addend[i] as number) + carry;
      input[start + i] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}

/** UTF-16 with the high byte first, and two zero bytes at its end. */
function bmpOf(password: string | undefined): Buffer {
  if (password === undefined) return Buffer.alloc(0);
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}
