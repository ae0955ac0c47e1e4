import { type BinaryLike, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';

/** A key that is derived from a passphrase by scrypt (RFC 7914). */
export interface PassphraseKey {
  id: string;
  /** At least 16 characters: scrypt slows guessing down, it does not make a short one long. */
  passphrase: string;
  /** At least 16 bytes, base64url; not secret, and the same in every process. See {@link createSalt}. */
  salt: string;
  /** log2 of scrypt's N. Default 17, with r = 8 and p = 1: 128 MiB and about 0.4 s, once. */
  cost?: number;
}

/** Random bytes for {@link PassphraseKey.salt}. Make it once and keep it with the configuration. */
export function createSalt(): string {
  return randomBytes(16).toString('base64url');
}

/** 32 bytes from the passphrase. NFKC, so that two keyboards' spellings of one letter agree. */
export function derivePassphraseKey({
  passphrase,
  salt,
  cost = 17,
}: PassphraseKey): Promise<Buffer> {
  const N = 2 ** cost;
  const options: ScryptOptions = { N, r: 8, p: 1, maxmem: 256 * N * 8 };
  const input: [BinaryLike, BinaryLike] = [
    passphrase.normalize('NFKC'),
    Buffer.from(salt, 'base64url'),
  ];
  return new Promise((resolve, reject) => {
    scrypt(...input, 32, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
