import { Buffer } from 'node:buffer';
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { readCertificates } from '../certificate/pem.js';
import { NotBer } from '../certificate/pkcs12/ber.js';
import { WrongPassword } from '../certificate/pkcs12/decrypt.js';
import { TooManyRounds, UnknownAlgorithm } from '../certificate/pkcs12/password-keys.js';
import {
  OtherProtection,
  type Pkcs12,
  readPkcs12,
  TooMany,
} from '../certificate/pkcs12/read-pkcs12.js';

const WHOSE = 'trust.clientCertificate.pfx';

/** Of a key and a chain, by far. */
const MAX_BYTES = 1024 * 1024;

/** A key, with its certificate first and those above it. */
export interface KeyAndChain {
  readonly key: KeyObject;
  readonly certificates: readonly X509Certificate[];
}

/**
 * Reads a PKCS #12 file (`.p12`, `.pfx`): the one key in it, its certificate, and of the others those that lead up
 * from there. A file says what to show to a server, and never whom to trust.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, with nothing of the key or the passphrase; a wrong passphrase, a
 *   cipher that is not supported, and a file that is none are distinguished
 */
export function readPfx(pfx: string | Uint8Array, passphrase: string | undefined): KeyAndChain {
  if (typeof pfx === 'string') {
    invalidArgument(
      `${WHOSE} is text, and a PKCS #12 file is binary`,
      "Give its bytes: readFileSync(path), fromFile(path), or of base64 Buffer.from(text, 'base64').",
    );
  }
  if (pfx.length > MAX_BYTES) invalidArgument(`${WHOSE} has more than 1 MiB`);
  const { keys, certificates } = open(Buffer.from(pfx), passphrase);
  const [only, ...others] = keys;
  if (only === undefined) {
    return invalidArgument(
      `${WHOSE} has no private key`,
      `Export it together with its key: ${EXPORT}`,
    );
  }
  if (others.length > 0) {
    invalidArgument(
      `${WHOSE} has ${keys.length} private keys: which one is to be shown is not said`,
      `Make a file with one of them: ${EXPORT}`,
    );
  }
  const key = readKey(only);
  return { key, certificates: chainOf(key, readCertificates(certificates)) };
}

const EXPORT = 'openssl pkcs12 -export -inkey KEY -in CERTIFICATE -certfile CHAIN -out NEW.p12';

function open(bytes: Buffer, passphrase: string | undefined): Pkcs12 {
  let opened: Pkcs12;
  try {
    opened = readPkcs12(bytes, passphrase);
  } catch (error) {
    return refuse(error, passphrase);
  }
  if (opened.certificates.length === 0) invalidArgument(`${WHOSE} has no certificate`);
  return opened;
}

function refuse(error: unknown, passphrase: string | undefined): never {
  if (error instanceof WrongPassword) {
    return passphrase === undefined
      ? invalidArgument(
          `${WHOSE} is encrypted, and there is no passphrase`,
          'Give trust.clientCertificate.passphrase.',
        )
      : invalidArgument(
          `${WHOSE} is encrypted, and the passphrase does not open it`,
          'Try it: openssl pkcs12 -in FILE -noout',
        );
  }
  if (error instanceof UnknownAlgorithm) {
    const which = error.what === undefined ? 'an algorithm' : error.what;
    return invalidArgument(
      `${WHOSE} is encrypted with ${which}, which is not supported`,
      'Convert it: openssl pkcs12 -legacy -in FILE -aes256 -out NEW.pem, and give NEW.pem as cert and as key, with the new passphrase. Or export it again, with AES256-SHA256 where Windows asks.',
    );
  }
  if (error instanceof TooManyRounds) {
    return invalidArgument(
      `${WHOSE} derives its key in more rounds than are made here`,
      'Convert it: openssl pkcs12 -in FILE -aes256 -out NEW.pem, and give NEW.pem as cert and as key.',
    );
  }
  if (error instanceof TooMany) {
    return invalidArgument(
      `${WHOSE} has more than 32 certificates or more than 4 keys`,
      `Make a file of one key and its chain: ${EXPORT}`,
    );
  }
  if (error instanceof OtherProtection) {
    return invalidArgument(`${WHOSE} is protected by a public key, and not by a passphrase`);
  }
  if (error instanceof NotBer) {
    return invalidArgument(
      `${WHOSE} is not a PKCS #12 file`,
      'Certificates and keys in PEM or DER are given as cert and key.',
    );
  }
  throw error;
}

function readKey(key: Buffer): KeyObject {
  try {
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } catch {
    return invalidArgument(`${WHOSE} has a private key that OpenSSL cannot read`);
  }
}

/** The certificate of the key, and upwards from there, in order: a file has them in any. */
function chainOf(key: KeyObject, all: readonly X509Certificate[]): readonly X509Certificate[] {
  const leaf = all.find((one) => one.checkPrivateKey(key));
  if (leaf === undefined) {
    return invalidArgument(`${WHOSE} has no certificate of the private key that is in it`);
  }
  const chain = [leaf];
  for (let last = leaf; ; ) {
    const above = all.find((one) => !chain.includes(one) && last.checkIssued(one));
    if (above === undefined) return chain;
    chain.push(above);
    last = above;
  }
}
