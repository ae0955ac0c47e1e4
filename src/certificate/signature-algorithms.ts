/** What a signature algorithm's OID stands for, as far as deciding about a signature needs it. */
export interface SignatureAlgorithm {
  /** For people. */
  readonly name: string;
  /** The key types of Node.js that can make such a signature. */
  readonly keyTypes: readonly string[];
  /** The digest's name in OpenSSL; `null` where the algorithm brings its own; absent for RSASSA-PSS,
   * whose parameters name it. */
  readonly digest?: string | null;
}

const RSASSA_PSS = '1.2.840.113549.1.1.10';

const NIST = '2.16.840.1.101.3.4';

/** Digests that the parameters of RSASSA-PSS may name (RFC 4055 §2.1), SHA-1 being the default. */
export const PSS_DIGESTS: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  [`${NIST}.2.1`, 'sha256'],
  [`${NIST}.2.2`, 'sha384'],
  [`${NIST}.2.3`, 'sha512'],
  [`${NIST}.2.4`, 'sha224'],
  [`${NIST}.2.5`, 'sha512-224'],
  [`${NIST}.2.6`, 'sha512-256'],
  [`${NIST}.2.7`, 'sha3-224'],
  [`${NIST}.2.8`, 'sha3-256'],
  [`${NIST}.2.9`, 'sha3-384'],
  [`${NIST}.2.10`, 'sha3-512'],
]);

/**
 * The signature algorithms that are met in certificates. That one is listed does not say that this
 * Node.js verifies it; that one is missing means that no "false" is to be believed.
 */
export const SIGNATURE_ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  // RFC 8017 A.2.4, RFC 4055
  ...family('1.2.840.113549.1.1', 'RSA', ['rsa'], {
    2: 'md2',
    3: 'md4',
    4: 'md5',
    5: 'sha1',
    11: 'sha256',
    12: 'sha384',
    13: 'sha512',
    14: 'sha224',
    15: 'sha512-224',
    16: 'sha512-256',
  }),
  [RSASSA_PSS, { name: 'RSASSA-PSS', keyTypes: ['rsa', 'rsa-pss'] }],
  ...family(`${NIST}.3`, 'RSA', ['rsa'], sha3From(13)),
  ...family('1.3.36.3.3.1', 'RSA', ['rsa'], { 2: 'ripemd160' }),
  // OIW: other OIDs for the same, which old tools wrote.
  ...family('1.3.14.3.2', 'RSA', ['rsa'], { 29: 'sha1', 3: 'md5' }),
  // RFC 5758, RFC 3279
  ...family('1.2.840.10045.4', 'ECDSA', ['ec'], { 1: 'sha1' }),
  ...family('1.2.840.10045.4.3', 'ECDSA', ['ec'], {
    1: 'sha224',
    2: 'sha256',
    3: 'sha384',
    4: 'sha512',
  }),
  ...family(`${NIST}.3`, 'ECDSA', ['ec'], sha3From(9)),
  ...family('1.2.840.10040.4', 'DSA', ['dsa'], { 3: 'sha1' }),
  ...family('1.3.14.3.2', 'DSA', ['dsa'], { 27: 'sha1' }),
  ...family(`${NIST}.3`, 'DSA', ['dsa'], { 1: 'sha224', 2: 'sha256', 3: 'sha384', 4: 'sha512' }),
  ...family(`${NIST}.3`, 'DSA', ['dsa'], sha3From(5)),
  // RFC 8410
  ...intrinsic('1.3.101', 112, ['Ed25519', 'Ed448']),
  // RFC 9881, RFC 9909
  ...intrinsic(`${NIST}.3`, 17, ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87']),
  ...intrinsic(`${NIST}.3`, 20, [
    ...['SLH-DSA-SHA2-128s', 'SLH-DSA-SHA2-128f', 'SLH-DSA-SHA2-192s', 'SLH-DSA-SHA2-192f'],
    ...['SLH-DSA-SHA2-256s', 'SLH-DSA-SHA2-256f', 'SLH-DSA-SHAKE-128s', 'SLH-DSA-SHAKE-128f'],
    ...['SLH-DSA-SHAKE-192s', 'SLH-DSA-SHAKE-192f', 'SLH-DSA-SHAKE-256s', 'SLH-DSA-SHAKE-256f'],
  ]),
]);

/** Digests of 112 bits of security and more; `null` is of algorithms that bring a strong one. */
const STRONG = /^(?:sha224|sha256|sha384|sha512|sha512-224|sha512-256|sha3-\d{3})$/;

/**
 * Whether signatures of this algorithm are strong. `undefined`: that is not in the OID (RSASSA-PSS names
 * its digest in parameters), or the algorithm is not known.
 */
export function isStrongSignature(oid: string): boolean | undefined {
  const digest = SIGNATURE_ALGORITHMS.get(oid)?.digest;
  return digest === undefined ? undefined : digest === null || STRONG.test(digest);
}

type Entry = [oid: string, algorithm: SignatureAlgorithm];

function family(
  root: string,
  scheme: string,
  keyTypes: readonly string[],
  digests: Readonly<Record<number, string>>,
): Entry[] {
  return Object.entries(digests).map(([arc, digest]) => {
    const name = `${scheme} with ${digest.toUpperCase().replace(/^SHA(?=\d{3})/, 'SHA-')}`;
    return [`${root}.${arc}`, { name: name.replace('SHA1', 'SHA-1'), keyTypes, digest }];
  });
}

/** SHA3-224, -256, -384 and -512 have consecutive arcs in every scheme. */
function sha3From(arc: number): Record<number, string> {
  const digests = ['sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'];
  return Object.fromEntries(digests.map((digest, index) => [arc + index, digest]));
}

/** Algorithms that are a key type and a signature scheme in one, with consecutive arcs. */
function intrinsic(root: string, firstArc: number, names: readonly string[]): Entry[] {
  return names.map((name, index) => [
    `${root}.${firstArc + index}`,
    { name, keyTypes: [name.toLowerCase()], digest: null },
  ]);
}
