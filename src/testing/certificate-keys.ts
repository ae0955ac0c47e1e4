import {
  createPublicKey,
  constants as cryptoConstants,
  generateKeyPair as generateKeyPairCallback,
  type KeyObject,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { invalidArgument } from '../assert.js';
import { TlsConfigError } from '../errors.js';
import {
  contextConstructed,
  type Der,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
} from './der.js';

/**
 * Key types of {@link heldCertificate}. `rsa-pss` is a 2048-bit key that may only sign with PSS;
 * `secp256k1` and `brainpoolP256r1` need a client that offers the curve, and TLS 1.2 on Node.js 20;
 * `ml-dsa-65` needs a Node.js that knows it (24.6 or later).
 */
export type CertificateKeyType =
  | 'p256'
  | 'p384'
  | 'p521'
  | 'secp256k1'
  | 'brainpoolP256r1'
  | 'rsa1024'
  | 'rsa2048'
  | 'rsa3072'
  | 'rsa-pss'
  | 'ed25519'
  | 'ed448'
  | 'ml-dsa-65';

/** How to make each key: the arguments of `crypto.generateKeyPair`. */
const KEYS: Readonly<Record<CertificateKeyType, readonly [string, object]>> = {
  p256: ['ec', { namedCurve: 'P-256' }],
  p384: ['ec', { namedCurve: 'P-384' }],
  p521: ['ec', { namedCurve: 'P-521' }],
  secp256k1: ['ec', { namedCurve: 'secp256k1' }],
  brainpoolP256r1: ['ec', { namedCurve: 'brainpoolP256r1' }],
  rsa1024: ['rsa', { modulusLength: 1024 }],
  rsa2048: ['rsa', { modulusLength: 2048 }],
  rsa3072: ['rsa', { modulusLength: 3072 }],
  'rsa-pss': ['rsa-pss', { modulusLength: 2048 }],
  ed25519: ['ed25519', {}],
  ed448: ['ed448', {}],
  'ml-dsa-65': ['ml-dsa-65', {}],
};

export const CERTIFICATE_KEY_TYPES: readonly CertificateKeyType[] = Object.keys(
  KEYS,
) as CertificateKeyType[];

const HASHES = {
  sha1: {
    oid: '1.3.14.3.2.26',
    bytes: 20,
    rsa: '1.2.840.113549.1.1.5',
    ecdsa: '1.2.840.10045.4.1',
  },
  sha256: {
    oid: '2.16.840.1.101.3.4.2.1',
    bytes: 32,
    rsa: '1.2.840.113549.1.1.11',
    ecdsa: '1.2.840.10045.4.3.2',
  },
  sha384: {
    oid: '2.16.840.1.101.3.4.2.2',
    bytes: 48,
    rsa: '1.2.840.113549.1.1.12',
    ecdsa: '1.2.840.10045.4.3.3',
  },
  sha512: {
    oid: '2.16.840.1.101.3.4.2.3',
    bytes: 64,
    rsa: '1.2.840.113549.1.1.13',
    ecdsa: '1.2.840.10045.4.3.4',
  },
} as const;

/** Hash under the signature. Keys that bring their own (Ed25519, Ed448, ML-DSA) take none. */
export type CertificateHash = keyof typeof HASHES;

export const CERTIFICATE_HASHES: readonly CertificateHash[] = Object.keys(
  HASHES,
) as CertificateHash[];

/** Signature algorithms that have no separate hash. */
const PURE_SIGNATURES: Readonly<Record<string, string>> = {
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
};

const generateKeyPairAsync = promisify(generateKeyPairCallback) as unknown as (
  type: string,
  options: object,
) => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>;

/** Makes a private key. @throws `MCP_TLS_UNSUPPORTED_ALGORITHM` when this Node.js cannot. */
export async function generatePrivateKey(type: CertificateKeyType): Promise<KeyObject> {
  const [algorithm, options] = KEYS[type];
  try {
    return (await generateKeyPairAsync(algorithm, options)).privateKey;
  } catch (cause) {
    throw unsupported(`this Node.js (${process.version}) cannot make a ${type} key`, cause);
  }
}

/** The DER of the SubjectPublicKeyInfo. */
export function subjectPublicKeyInfo(privateKey: KeyObject): Der {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
}

/** A signature with the AlgorithmIdentifier that names it. */
export interface CertificateSigner {
  readonly algorithm: Der;
  sign(data: Uint8Array): Uint8Array;
}

/** @throws `MCP_TLS_INVALID_ARGUMENT` when `hash` was given for a key that brings its own. */
export function certificateSigner(
  key: KeyObject,
  hash: CertificateHash | undefined,
): CertificateSigner {
  const type: string = key.asymmetricKeyType ?? 'secret';
  const pure = PURE_SIGNATURES[type];
  if (pure !== undefined) {
    if (hash !== undefined)
      invalidArgument(`hash cannot be chosen for an issuer with a ${type} key`);
    return signer(sequence(objectIdentifier(pure)), (data) => sign(null, data, key));
  }
  const name = hash ?? 'sha256';
  const { bytes, ecdsa, rsa } = HASHES[name];
  if (type === 'ec') {
    return signer(sequence(objectIdentifier(ecdsa)), (data) => sign(name, data, key));
  }
  if (type === 'rsa') {
    return signer(sequence(objectIdentifier(rsa), nullValue()), (data) => sign(name, data, key));
  }
  if (type === 'rsa-pss') {
    const padding = cryptoConstants.RSA_PKCS1_PSS_PADDING;
    return signer(pssAlgorithm(name), (data) =>
      sign(name, data, { key, padding, saltLength: bytes }),
    );
  }
  throw unsupported(`an issuer with a ${type} key cannot sign a certificate here`, undefined);
}

function signer(algorithm: Der, rawSign: (data: Uint8Array) => Uint8Array): CertificateSigner {
  return {
    algorithm,
    sign(data) {
      try {
        return rawSign(data);
      } catch (cause) {
        throw unsupported(`this Node.js (${process.version}) cannot make that signature`, cause);
      }
    },
  };
}

/** RSASSA-PSS-params (RFC 4055 §3.1). SHA-1 is the default of every field, and DER omits defaults. */
function pssAlgorithm(name: CertificateHash): Der {
  const { bytes, oid } = HASHES[name];
  const hash = sequence(objectIdentifier(oid), nullValue());
  const mgf = sequence(objectIdentifier('1.2.840.113549.1.1.8'), hash);
  const parameters =
    name === 'sha1'
      ? []
      : [
          contextConstructed(0, hash),
          contextConstructed(1, mgf),
          contextConstructed(2, integer(BigInt(bytes))),
        ];
  return sequence(objectIdentifier('1.2.840.113549.1.1.10'), sequence(...parameters));
}

function unsupported(message: string, cause: unknown): TlsConfigError {
  return new TlsConfigError('MCP_TLS_UNSUPPORTED_ALGORITHM', message, { cause });
}
