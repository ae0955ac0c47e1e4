import { Buffer } from 'node:buffer';
import { createPrivateKey, KeyObject } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { derKind } from '../certificate/der-kind.js';
import { hintForKind } from '../certificate/other-input.js';

const WHOSE = 'trust.clientCertificate.key';

/** Of a key of any kind, with a chain around it, by far. OpenSSL tries each block: 0.6 s for a megabyte of them. */
const MAX_LENGTH = 1_048_576;

/** A private key as it is given: PEM or DER, or one that Node.js has read. */
export type GivenKey = string | Uint8Array | KeyObject;

export function isKeyObject(value: unknown): value is KeyObject {
  return value instanceof KeyObject;
}

/**
 * Reads a private key: PEM (PKCS #8, SEC 1 or PKCS #1; other blocks around it do not matter, nor line breaks that
 * are written as `\n`) or DER, encrypted or not.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, with nothing of the key, the passphrase or OpenSSL's words
 */
export function readPrivateKey(key: GivenKey, passphrase: string | undefined): KeyObject {
  if (isKeyObject(key)) {
    if (key.type !== 'private') invalidArgument(`${WHOSE} is a ${key.type} KeyObject`);
    return key;
  }
  if (key.length > MAX_LENGTH) invalidArgument(`${WHOSE} has more than 1 MiB`);
  const bytes = typeof key === 'string' ? undefined : Buffer.from(key);
  if (bytes?.[0] === 0x30 && !/-----BEGIN /.test(bytes.toString('latin1'))) {
    return readDer(bytes, passphrase);
  }
  const pem = withLineBreaks(typeof key === 'string' ? key : (bytes as Buffer).toString('latin1'));
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...given(passphrase) });
  } catch (error) {
    if (/ENCRYPTED/.test(pem)) return notOpened(error, passphrase, 'pkey -in KEY -out PLAIN');
    return invalidArgument(`${WHOSE} is not a private key in PEM or DER`);
  }
}

/** What environment variables and JSON make of line breaks. */
export function withLineBreaks(text: string): string {
  return text.includes('-----BEGIN ') && !text.trim().includes('\n')
    ? text.replaceAll('\\r', '').replaceAll('\\n', '\n')
    : text;
}

function readDer(key: Buffer, passphrase: string | undefined): KeyObject {
  const kind = derKind(key);
  if (kind === 'a PKCS #12 file') invalidArgument(`${WHOSE} is ${kind}`, hintForKind(kind));
  for (const type of ['pkcs8', 'sec1', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key, format: 'der', type, ...given(passphrase) });
    } catch (error) {
      if (isAboutPassphrase(error)) {
        return notOpened(error, passphrase, 'pkey -inform DER -in KEY -out PLAIN');
      }
    }
  }
  return invalidArgument(`${WHOSE} is not a private key in PEM or DER`);
}

const given = (passphrase: string | undefined) => passphrase !== undefined && { passphrase };

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code);

function isAboutPassphrase(error: unknown): boolean {
  return /BAD_DECRYPT|INTERRUPTED_OR_CANCELLED|EVP_UNSUPPORTED|MISSING_PASSPHRASE/.test(
    codeOf(error),
  );
}

/** A wrong passphrase is found out only after the cipher: that has to be known first. */
function notOpened(error: unknown, passphrase: string | undefined, command: string): never {
  if (passphrase === undefined) {
    return invalidArgument(
      `${WHOSE} is encrypted, and there is no passphrase`,
      'Give trust.clientCertificate.passphrase.',
    );
  }
  if (/EVP_UNSUPPORTED/.test(codeOf(error))) {
    return invalidArgument(
      `${WHOSE} is encrypted with a cipher that this OpenSSL does not support any more`,
      `Encrypt it anew: openssl ${command.replace('-out PLAIN', '-provider legacy -provider default -aes256 -out NEW')}`,
    );
  }
  return invalidArgument(
    `${WHOSE} is encrypted, and the passphrase does not open it`,
    `Try it: openssl ${command.replace('PLAIN', '/dev/null')}`,
  );
}
