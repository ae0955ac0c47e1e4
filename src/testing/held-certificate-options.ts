import { randomBytes, type X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import {
  anyText,
  count,
  custom,
  type Declaration,
  date,
  declareOptions,
  flag,
  type Kind,
  list,
  nested,
  oneOf,
  passedOn,
  readOptions,
  text,
} from '../options.js';
import {
  type ExtendedKeyUsage,
  KEY_USAGES,
  type KeyUsage,
  type NameConstraints,
} from './certificate-extensions.js';
import {
  CERTIFICATE_HASHES,
  CERTIFICATE_KEY_TYPES,
  type CertificateHash,
  type CertificateKeyType,
} from './certificate-keys.js';
import { type DistinguishedName, SUBJECT } from './distinguished-name.js';

/** A certificate together with its private key. Frozen; nothing is written to disk. */
export interface HeldCertificate {
  /** This certificate alone. */
  readonly pem: string;
  /** PKCS #8, not encrypted. */
  readonly keyPem: string;
  /**
   * What a well-kept server sends: this certificate, then its issuers, without the self-signed one
   * at the end (unless it is this certificate itself).
   */
  readonly chainPem: string;
  /** SHA-256 of the certificate, as Node.js writes it: `AB:CD:...`. */
  readonly fingerprint: string;
  /** `sha256/BASE64` of the SubjectPublicKeyInfo (RFC 7469 §2.4). */
  readonly spkiPin: string;
  readonly certificate: X509Certificate;
  /** The issuer; `undefined` when the certificate signs itself. */
  readonly issuer: HeldCertificate | undefined;
  /** The options that it was made with, those inherited from `renewFrom` included. */
  readonly options: Omit<HeldCertificateOptions, 'renewFrom'>;
}

const DEFECTS = [
  'broken-signature',
  'foreign-signature',
  'wrong-issuer-name',
  'wrong-authority-key-id',
  'mismatched-algorithms',
  'duplicate-extension',
] as const;

/**
 * A deliberate defect:
 * - `broken-signature`: one bit of the signature is flipped;
 * - `foreign-signature`: signed by another key of the issuer's type, under the issuer's name;
 * - `wrong-issuer-name`: the issuer signed it, but the issuer field names a stranger;
 * - `wrong-authority-key-id`: the authority key identifier belongs to no key;
 * - `mismatched-algorithms`: the outer signature algorithm is not the signed one;
 * - `duplicate-extension`: the last extension occurs twice (RFC 5280 §4.2 forbids it).
 */
export type CertificateDefect = (typeof DEFECTS)[number];

/** What {@link heldCertificate} can be asked for. Every field is optional. */
export interface HeldCertificateOptions {
  /** Default: a name that no other certificate has, so that chains never link by accident. */
  commonName?: string;
  /** The whole subject, instead of `commonName`. `{}` is the empty name. */
  subject?: DistinguishedName;
  /**
   * DNS names. When none of `dns`, `ip`, `uri` and `san` is given, the certificate carries
   * `localhost`, `127.0.0.1` and `::1`; a CA carries none.
   */
  dns?: readonly string[];
  /** IPv4 and IPv6 addresses. */
  ip?: readonly string[];
  /** URIs in subjectAltName, such as a SPIFFE ID. Default: none. */
  uri?: readonly string[];
  /** `'none'`: no subject alternative name at all. `'critical'`: the extension is critical. */
  san?: 'none' | 'critical';
  /** Default: one day ago. Fractions of a second are cut off. */
  notBefore?: Date;
  /** Default: 30 days from now. May lie before `notBefore`. */
  notAfter?: Date;
  /** Default: `p256`. */
  key?: CertificateKeyType;
  /** Hash of the signature; default `sha256`. Not for signing keys that bring their own. */
  hash?: CertificateHash;
  /** Whether basicConstraints says CA. Default: false. */
  isCa?: boolean;
  /** How many CAs may follow. Only with `isCa`. */
  pathLength?: number;
  /** `false` leaves the extension out; `isCa` then decides only on the defaults of the usages. */
  basicConstraints?: false;
  /** Default: `keyCertSign`, `cRLSign` and `digitalSignature` for a CA, else `digitalSignature`. `[]`: none. */
  keyUsages?: readonly KeyUsage[];
  /** Default: `serverAuth` and `clientAuth`, none for a CA. `[]`: the extension is left out. */
  extendedKeyUsages?: readonly ExtendedKeyUsage[];
  /** Where the issuer's certificate can be fetched (Authority Information Access). */
  issuerUrls?: readonly string[];
  /** Of an authority (RFC 5280, 4.2.1.10). Default: none. */
  nameConstraints?: NameConstraints;
  /** Adds a critical extension that no verifier knows. */
  unknownCriticalExtension?: boolean;
  /** `false` leaves out the subject and authority key identifiers. */
  keyIdentifiers?: boolean;
  /** The issuer, even if it may not sign. Default: the certificate signs itself. */
  signedBy?: HeldCertificate;
  /** Any integer, also one that the standard forbids. Default: 16 random bytes, positive. */
  serialNumber?: bigint;
  /**
   * The certificate that this one renews: same key, and every option that is not given is taken
   * from it, except the serial number, the validity and the defect.
   */
  renewFrom?: HeldCertificate;
  /** `1` makes an X.509 v1 certificate, which has no extensions. Default: 3. */
  version?: 1 | 3;
  /** What is wrong with the certificate. Default: nothing. */
  defect?: CertificateDefect;
}

/** Options after validation, with what was inherited from `renewFrom`. */
export type ResolvedOptions = Omit<HeldCertificateOptions, 'renewFrom'>;

const EXTENSION_FIELDS = [
  'dns',
  'ip',
  'uri',
  'san',
  'pathLength',
  'basicConstraints',
  'keyUsages',
  'extendedKeyUsages',
  'issuerUrls',
  'nameConstraints',
  'unknownCriticalExtension',
  'keyIdentifiers',
] as const satisfies readonly (keyof HeldCertificateOptions)[];

const TEXTS = list(anyText());

const HELD: Kind<HeldCertificate> = custom(
  'a result of heldCertificate()',
  (value) => typeof (value as Partial<HeldCertificate> | null)?.pem === 'string',
);

const OPTIONS: Declaration<HeldCertificateOptions> = declareOptions<HeldCertificateOptions>(
  'heldCertificate: options',
  {
    commonName: text('a non-empty string (for no name: subject: {})'),
    // Not copied: its attributes are written in their order.
    subject: passedOn<DistinguishedName>('a name', SUBJECT as never),
    dns: TEXTS,
    ip: TEXTS,
    uri: TEXTS,
    san: oneOf('none', 'critical'),
    notBefore: date(),
    notAfter: date(),
    key: oneOf(...CERTIFICATE_KEY_TYPES),
    hash: oneOf(...CERTIFICATE_HASHES),
    isCa: flag(),
    pathLength: count(0),
    basicConstraints: oneOf(false),
    keyUsages: list(oneOf(...KEY_USAGES)),
    extendedKeyUsages: list(anyText()) as Kind<readonly ExtendedKeyUsage[]>,
    issuerUrls: TEXTS,
    nameConstraints: nested(
      declareOptions<NameConstraints>('nameConstraints', {
        permittedDns: TEXTS,
        excludedDns: TEXTS,
      }),
    ),
    unknownCriticalExtension: flag(),
    keyIdentifiers: flag(),
    signedBy: HELD,
    serialNumber: custom('a bigint', (value) => typeof value === 'bigint'),
    renewFrom: HELD,
    version: oneOf(1, 3),
    defect: oneOf(...DEFECTS),
  },
);

/** @throws `MCP_TLS_INVALID_ARGUMENT` */
export function resolveOptions(given: HeldCertificateOptions): ResolvedOptions {
  const options = readOptions(OPTIONS, given);
  const { renewFrom, ...own } = options;
  if (renewFrom === undefined) {
    checkCombinations(own);
    return own.subject === undefined ? { commonName: uniqueName(), ...own } : own;
  }
  if (own.key !== undefined)
    invalidArgument('key and renewFrom exclude each other: a renewal keeps the key');
  const {
    serialNumber: _serial,
    notBefore: _from,
    notAfter: _to,
    defect: _defect,
    ...inherited
  } = renewFrom.options;
  const resolved = { ...withoutReplaced(inherited, own), ...own };
  checkCombinations(resolved);
  return resolved;
}

function uniqueName(): string {
  return `mcp-tls test ${randomBytes(6).toString('hex')}`;
}

/** A new name replaces the whole old name, and new alternative names all the old ones. */
function withoutReplaced(inherited: ResolvedOptions, own: ResolvedOptions): ResolvedOptions {
  const { commonName, subject, dns, ip, uri, san, ...rest } = inherited;
  const name = own.commonName ?? own.subject;
  const alternative = own.dns ?? own.ip ?? own.uri ?? own.san;
  return {
    ...rest,
    ...(name === undefined && definedOnly({ commonName, subject })),
    ...(alternative === undefined && definedOnly({ dns, ip, uri, san })),
  };
}

function definedOnly(fields: object): ResolvedOptions {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function checkCombinations(options: ResolvedOptions): void {
  if (options.commonName !== undefined && options.subject !== undefined) {
    invalidArgument('commonName and subject exclude each other');
  }
  const names = [options.dns, options.ip, options.uri].some((list) => (list ?? []).length > 0);
  if (options.san === 'none' && names) {
    invalidArgument("san: 'none' and alternative names exclude each other");
  }
  if (options.pathLength !== undefined && options.isCa !== true)
    invalidArgument('pathLength needs isCa: true');
  if (options.basicConstraints === false && options.pathLength !== undefined) {
    invalidArgument('basicConstraints: false and pathLength exclude each other');
  }
  if (options.version === 1) {
    const field = EXTENSION_FIELDS.find(
      (name) => options[name] !== undefined && options[name] !== 'none',
    );
    if (field !== undefined) {
      invalidArgument(`version 1 has no extensions, so '${field}' cannot be given`);
    }
    if (options.defect === 'duplicate-extension' || options.defect === 'wrong-authority-key-id') {
      invalidArgument(
        `version 1 has no extensions, so it cannot have the defect '${options.defect}'`,
      );
    }
  }
}
