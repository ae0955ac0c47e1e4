import { Buffer } from 'node:buffer';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { type PlainPem, readCertificates, toPem } from '../certificate/pem.js';
import { validityOf } from '../certificate/validity.js';
import { withoutPrivateKeys } from '../certificate/without-private-keys.js';
import {
  anyText,
  custom,
  type Declaration,
  declareOptions,
  given,
  readOptions,
} from '../options.js';
import { type KeyAndChain, readPfx } from './client-pfx.js';
import { type GivenKey, isKeyObject, readPrivateKey, withLineBreaks } from './private-key.js';
import {
  type FileSource,
  fixed,
  isMaterial,
  isPemInput,
  type Material,
  type MaterialFunction,
  type NamedSource,
  namedSources,
  type PemInput,
  readMaterial,
  readOne,
  sourceOf,
} from './source.js';

/** The certificate and private key that the client shows to a server (mutual TLS), each by itself. */
export interface ClientCertificateAndKey {
  /** The client's certificate, and above it the intermediates that the server may need, in order. */
  cert: PemInput;
  /**
   * Its private key: PEM or DER (PKCS #8, SEC 1 or PKCS #1), encrypted or not, a private `KeyObject`, or a source.
   * A file that holds certificates and key can be given for both.
   */
  key: Material | KeyObject;
  /** Of an encrypted key. */
  passphrase?: string;
  pfx?: never;
}

/** The same in one file of PKCS #12. */
export interface ClientCertificateInPfx {
  /**
   * The bytes of a `.p12` or `.pfx` file, or a source of them. The one key in it is used, with its certificate and
   * what of the others leads up from there; no certificate in it is trusted for being in it.
   */
  pfx: Uint8Array | FileSource | MaterialFunction;
  /** Of the file. Left out: none, which is taken for an empty one too. */
  passphrase?: string;
  cert?: never;
  key?: never;
}

/** What the client shows to a server that asks for a certificate (mutual TLS). */
export type ClientCertificate = ClientCertificateAndKey | ClientCertificateInPfx;

export const CLIENT_CERTIFICATE: Declaration<ClientCertificate> = declareOptions<ClientCertificate>(
  'trust.clientCertificate',
  {
    cert: given(custom('PEM as text or bytes, DER, fromFile(path), or a function', isPemInput)),
    key: given(
      custom(
        'a private key: PEM as text or bytes, DER, a KeyObject, fromFile(path), or a function',
        (value) => isMaterial(value) || isKeyObject(value),
      ),
    ),
    pfx: given(custom('a PKCS #12 file: its bytes, fromFile(path), or a function', isBytes)),
    passphrase: given(anyText()),
  },
);

/** A client certificate that fits its key. Printing it shows no key. */
export interface CheckedClientCertificate {
  readonly leaf: X509Certificate;
  /** PEM, the client's own first. */
  readonly chain: string;
  readonly key: KeyObject;
  /** Where it was read from, if that may change. Not enumerable: a passphrase may be in it. */
  readonly source: ClientCertificateSource | undefined;
}

/** A client certificate of which some comes from sources. */
export interface ClientCertificateSource {
  readonly given: ClientCertificate;
  readonly named: readonly NamedSource[];
  /** Reads all of them. @throws {TlsConfigError} */
  read(): CheckedClientCertificate;
}

/**
 * Validates a client certificate: both halves there, readable, and of each other. Sources are read now, and kept.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`; neither
 *   repeats anything of the key or the passphrase
 */
export function readClientCertificate(input: ClientCertificate): CheckedClientCertificate {
  const given = readOptions(CLIENT_CERTIFICATE, input);
  assertIsWhole(given);
  const { cert, key, pfx } = given;
  const named = Object.entries({ cert, key, pfx }).flatMap(([field, value]) =>
    namedSources(field, value),
  );
  if (named.length === 0) return readFixed(given, undefined);
  const kept = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, fixed(value)]),
  ) as unknown as ClientCertificate;
  const source: ClientCertificateSource = {
    given: kept,
    named,
    read: () => readFixed(withMaterial(kept), source),
  };
  return source.read();
}

function readFixed(
  given: ClientCertificate,
  source: ClientCertificateSource | undefined,
): CheckedClientCertificate {
  const { key, certificates } =
    given.pfx === undefined
      ? readHalves(given)
      : readPfx(given.pfx as Uint8Array, given.passphrase);
  const leaf = certificates[0] as X509Certificate;
  const checked = { leaf, chain: certificates.map(toPem).join(''), key };
  return Object.freeze(
    Object.defineProperty(checked, 'source', { value: source }) as CheckedClientCertificate,
  );
}

/** The same with what its sources hold now. */
function withMaterial(given: ClientCertificate): ClientCertificate {
  // As text it is refused where it is read, with the way out.
  if (given.pfx !== undefined) return { ...given, pfx: readOne(given.pfx) as Uint8Array };
  const key = isKeyObject(given.key) ? given.key : readOne(given.key);
  return { ...given, cert: readMaterial(given.cert), key };
}

/** Both halves, or one file of both. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertIsWhole(given: ClientCertificate): void {
  const { cert, key, pfx } = given;
  if (pfx !== undefined) {
    if (cert === undefined && key === undefined) return;
    invalidArgument('trust.clientCertificate has pfx and cert or key: which one is to be shown?');
  }
  if (cert === undefined) invalidArgument(`trust.clientCertificate.cert is missing${OR_PFX}`);
  if (key === undefined) invalidArgument(`trust.clientCertificate.key is missing${OR_PFX}`);
}

const OR_PFX = ': give cert and key, or pfx';

function readHalves({ cert, key, passphrase }: ClientCertificateAndKey): KeyAndChain {
  const certificates = readClientChain(cert as PlainPem);
  const privateKey = readPrivateKey(key as GivenKey, passphrase);
  if (!certificates[0]?.checkPrivateKey(privateKey)) {
    invalidArgument('trust.clientCertificate: the key is not the one of the (first) certificate');
  }
  return { key: privateKey, certificates };
}

/** Of a file that may hold the key too. @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE` */
export function readClientChain(cert: PlainPem): readonly X509Certificate[] {
  return readCertificates(certificatesOnly(cert));
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array || sourceOf(value) !== undefined;
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

/** A combined file holds the key as well: that is read where it is expected, and here it is passed over. */
function certificatesOnly(input: PlainPem): PlainPem {
  if (Array.isArray(input)) return input.map((one) => certificatesOnly(one) as string);
  const isText = typeof input === 'string';
  const text = isText ? input : Buffer.from(input as Uint8Array).toString('latin1');
  if (text.length > MAX_CHARACTERS || !text.includes('-----BEGIN ')) return input;
  const rest = withoutPrivateKeys(withLineBreaks(text));
  // Nothing but a key is no certificate, and is said to be one.
  return rest === text || !rest.includes('-----BEGIN ') ? input : rest;
}

/** Of a chain and a key of any kind, by far. */
const MAX_CHARACTERS = 1_048_576;
