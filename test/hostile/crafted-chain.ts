/** Certificates and parameters that are made to be looked at for long. */
import { randomBytes } from 'node:crypto';
import {
  bitString,
  type Der,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
  set,
  time,
  utf8String,
} from '../../src/testing/der.js';

const RSA = sequence(objectIdentifier('1.2.840.113549.1.1.1'), nullValue());
const RSA_SHA256 = sequence(objectIdentifier('1.2.840.113549.1.1.11'), nullValue());

/** A random odd number of exactly so many bits. */
function odd(bits: number): bigint {
  const hex = randomBytes(Math.ceil(bits / 8)).toString('hex');
  return (BigInt(`0x${hex}`) % 2n ** BigInt(bits - 1)) | (1n << BigInt(bits - 1)) | 1n;
}

/** So many self-issued certificates, each with an RSA key of 3,072 bits and an exponent of 3,070. */
export function hugeExponents(count: number): string {
  return Array.from({ length: count }, (_, i) => pem('CERTIFICATE', selfIssued(`e${i}`))).join('');
}

function selfIssued(commonName: string): Der {
  const name = sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
  const validity = sequence(time(new Date(Date.now() - 1e6)), time(new Date(Date.now() + 1e9)));
  const key = sequence(RSA, bitString(sequence(integer(odd(3072)), integer(odd(3070)))));
  const signed = sequence(integer(1n), RSA_SHA256, name, validity, name, key);
  return sequence(signed, RSA_SHA256, bitString(randomBytes(384)));
}

/** DHParameter (PKCS #3) with a modulus of so many bits, which is no prime. */
export function dhParameters(bits: number): string {
  return pem('DH PARAMETERS', sequence(integer(odd(bits)), integer(2n)));
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
