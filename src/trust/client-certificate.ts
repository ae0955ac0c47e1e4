import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { derKind } from '../certificate/der-kind.js';
import { hintForKind } from '../certificate/other-input.js';
import { type PlainPem, readCertificates, toPem } from '../certificate/pem.js';
import { validityOf } from '../certificate/validity.js';
import {
  anyText,
  custom,
  type Declaration,
  declareOptions,
  given,
  readOptions,
  required,
} from '../options.js';
import { isMaterial, isPemInput, type Material, type PemInput, sourcesIn } from './source.js';

/** The certificate and private key that the client shows to a server (mutual TLS). */
export interface ClientCertificate {
  /** The client's certificate, and above it the intermediates that the server may need, in order. */
  cert: PemInput;
  /** Its private key, PEM (PKCS #8, SEC 1 or PKCS #1), encrypted or not. */
  key: Material;
  /** Of an encrypted key. */
  passphrase?: string;
}

export const CLIENT_CERTIFICATE: Declaration<ClientCertificate> = declareOptions<ClientCertificate>(
  'trust.clientCertificate',
  {
    cert: required(custom('PEM as text or bytes, DER, fromFile(path), or a function', isPemInput)),
    key: required(
      custom('a private key: PEM as text or bytes, fromFile(path), or a function', isMaterial),
    ),
    passphrase: given(anyText()),
  },
);

/** A client certificate that fits its key. Printing it shows no key. */
export interface CheckedClientCertificate {
  readonly leaf: X509Certificate;
  /** PEM, the client's own first. */
  readonly chain: string;
  readonly key: KeyObject;
}

/**
 * Validates a client certificate: both halves there, readable, and of each other.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`; neither
 *   repeats anything of the key or the passphrase
 */
export function readClientCertificate(input: ClientCertificate): CheckedClientCertificate {
  const { cert, key, passphrase } = readOptions(CLIENT_CERTIFICATE, input);
  if (sourcesIn(cert).length + sourcesIn(key).length > 0) {
    invalidArgument(
      'trust.clientCertificate names a file or a function, which cannot be followed here: give what it holds',
    );
  }
  const certificates = readCertificates(cert as PlainPem);
  const leaf = certificates[0] as X509Certificate;
  const privateKey = readPrivateKey(key as string | Uint8Array, passphrase);
  if (!leaf.checkPrivateKey(privateKey)) {
    invalidArgument('trust.clientCertificate: the key is not the one of the (first) certificate');
  }
  return Object.freeze({ leaf, chain: certificates.map(toPem).join(''), key: privateKey });
}

/**
 * Refuses a client certificate that has expired or is not valid yet, where a connection is about to be
 * set up with it: no server would take it, and few say why.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function assertIsValid({ leaf }: CheckedClientCertificate, now: Date): void {
  const { notBefore, notAfter } = validityOf(leaf);
  if (!(now <= notAfter)) {
    invalidArgument(`trust.clientCertificate expired on ${leaf.validTo}`);
  }
  if (!(now >= notBefore)) {
    invalidArgument(`trust.clientCertificate is not valid before ${leaf.validFrom}`);
  }
}

function readPrivateKey(key: string | Uint8Array, passphrase: string | undefined): KeyObject {
  const pem = typeof key === 'string' ? key : Buffer.from(key).toString('latin1');
  try {
    return createPrivateKey({
      key: pem,
      format: 'pem',
      ...(passphrase !== undefined && { passphrase }),
    });
  } catch {
    // OpenSSL's own error is left out: what it says of a key is nobody's business.
    const encrypted = /ENCRYPTED/.test(pem);
    const kind = typeof key === 'string' ? undefined : derKind(key);
    if (kind === 'a PKCS #12 file') {
      invalidArgument(`trust.clientCertificate.key is ${kind}`, hintForKind(kind));
    }
    return invalidArgument(
      encrypted
        ? `trust.clientCertificate.key is encrypted, and ${passphrase === undefined ? 'there is no passphrase' : 'the passphrase does not open it'}`
        : 'trust.clientCertificate.key is not a private key in PEM',
    );
  }
}
