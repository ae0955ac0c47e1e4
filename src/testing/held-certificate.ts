import {
  createHash,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import {
  authorityKeyIdentifier,
  basicConstraints,
  caIssuers,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  nameConstraints,
  subjectAlternativeName,
  subjectKeyIdentifier,
  unknownCriticalExtension,
} from './certificate-extensions.js';
import {
  type CertificateKeyType,
  type CertificateSigner,
  certificateSigner,
  generatePrivateKey,
  subjectPublicKeyInfo,
} from './certificate-keys.js';
import {
  bitString,
  children,
  contextConstructed,
  type Der,
  integer,
  sequence,
  time,
} from './der.js';
import { encodeName } from './distinguished-name.js';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  type ResolvedOptions,
  resolveOptions,
} from './held-certificate-options.js';

const DAY_MS = 86_400_000;
const DEFAULT_NAMES = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] } as const;

/**
 * Makes a certificate of any shape with its private key, in memory and without the `openssl`
 * program. Without options: a self-signed P-256 server certificate for `localhost`, `127.0.0.1` and
 * `::1`, valid from yesterday for 31 days.
 *
 * It does what it is asked to: an issuer need not be a CA, a validity may be empty, an algorithm may be
 * one that every client refuses.
 *
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`, or with `MCP_TLS_UNSUPPORTED_ALGORITHM`
 * when this Node.js cannot make such a key or signature.
 * @example
 * const ca = await heldCertificate({ isCa: true });
 * const expired = await heldCertificate({ signedBy: ca, notAfter: new Date(Date.now() - 1000) });
 */
export async function heldCertificate(
  options: HeldCertificateOptions = {},
): Promise<HeldCertificate> {
  const resolved = resolveOptions(options);
  const issuer = resolved.signedBy;
  const privateKey =
    options.renewFrom === undefined
      ? await generatePrivateKey(resolved.key ?? 'p256')
      : createPrivateKey(options.renewFrom.keyPem);
  const spki = subjectPublicKeyInfo(privateKey);
  const issuerKey = issuer === undefined ? privateKey : createPrivateKey(issuer.keyPem);
  const signer = certificateSigner(await signingKey(issuerKey, resolved), resolved.hash);

  const tbs = toBeSigned(resolved, spki, subjectPublicKeyInfo(issuerKey), signer);
  const der = signCertificate(tbs, signer, resolved);
  const certificate = new X509Certificate(der);
  const pem = certificate.toString();
  return Object.freeze({
    pem,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    chainPem: pem + issuersToSend(issuer),
    fingerprint: certificate.fingerprint256,
    spkiPin: `sha256/${createHash('sha256').update(spki).digest('base64')}`,
    certificate,
    issuer,
    options: Object.freeze(resolved),
  });
}

async function signingKey(
  issuerKey: KeyObject,
  { defect, key, signedBy }: ResolvedOptions,
): Promise<KeyObject> {
  if (defect !== 'foreign-signature') return issuerKey;
  const type: CertificateKeyType = (signedBy === undefined ? key : signedBy.options.key) ?? 'p256';
  return generatePrivateKey(type);
}

/** The TBSCertificate (RFC 5280 §4.1). */
function toBeSigned(
  options: ResolvedOptions,
  spki: Der,
  issuerSpki: Der,
  { algorithm }: CertificateSigner,
): Der {
  const { defect, signedBy } = options;
  const subject = encodeName(options.subject ?? { CN: options.commonName ?? '' });
  const issuer = signedBy === undefined ? subject : subjectOf(signedBy);
  const v3 = options.version !== 1;
  return sequence(
    ...(v3 ? [contextConstructed(0, integer(2n))] : []),
    integer(options.serialNumber ?? randomSerialNumber()),
    algorithm,
    defect === 'wrong-issuer-name' ? encodeName({ CN: 'mcp-tls test stranger' }) : issuer,
    sequence(
      time(options.notBefore ?? new Date(Date.now() - DAY_MS)),
      time(options.notAfter ?? new Date(Date.now() + 30 * DAY_MS)),
    ),
    subject,
    spki,
    ...(v3 ? [contextConstructed(3, sequence(...extensions(options, spki, issuerSpki)))] : []),
  );
}

function extensions(options: ResolvedOptions, spki: Der, issuerSpki: Der): Der[] {
  const { isCa: ca = false, defect, pathLength, signedBy } = options;
  const usages =
    options.keyUsages ??
    (ca
      ? (['digitalSignature', 'keyCertSign', 'cRLSign'] as const)
      : (['digitalSignature'] as const));
  const purposes = options.extendedKeyUsages ?? (ca ? [] : (['serverAuth', 'clientAuth'] as const));
  const names = alternativeNames(options);
  const hasNames = [names.dns, names.ip, names.uri].some((list) => (list ?? []).length > 0);
  const foreignKeyId = defect === 'wrong-authority-key-id';
  const hasAuthority = signedBy !== undefined || foreignKeyId;

  const list: Der[] = [];
  if (options.basicConstraints !== false) list.push(basicConstraints(ca, pathLength));
  if (usages.length > 0) list.push(keyUsage(usages));
  if (purposes.length > 0) list.push(extendedKeyUsage(purposes));
  if (hasNames) list.push(subjectAlternativeName(names, options.san === 'critical'));
  if (options.nameConstraints !== undefined) list.push(nameConstraints(options.nameConstraints));
  if (options.issuerUrls !== undefined) list.push(caIssuers(options.issuerUrls));
  if (options.keyIdentifiers !== false) {
    list.push(subjectKeyIdentifier(keyIdentifier(spki)));
    if (hasAuthority) {
      list.push(authorityKeyIdentifier(foreignKeyId ? randomBytes(20) : keyIdentifier(issuerSpki)));
    }
  }
  if (options.unknownCriticalExtension) list.push(unknownCriticalExtension());
  return defect === 'duplicate-extension' ? [...list, ...list.slice(-1)] : list;
}

function alternativeNames({
  isCa: ca,
  dns,
  ip,
  san,
  uri,
}: ResolvedOptions): Pick<HeldCertificateOptions, 'dns' | 'ip' | 'uri'> {
  if (san === 'none') return {};
  if (dns !== undefined || ip !== undefined || uri !== undefined) {
    return { dns: dns ?? [], ip: ip ?? [], uri: uri ?? [] };
  }
  // An authority is no server. Clients may rightly take a CA that carries names for a server's own
  // certificate, and name constraints of a CA above bind the names of an intermediate too.
  return ca === true ? {} : DEFAULT_NAMES;
}

function signCertificate(
  tbs: Der,
  signer: CertificateSigner,
  { defect }: ResolvedOptions,
): Uint8Array {
  const signature = Uint8Array.from(signer.sign(tbs));
  if (defect === 'broken-signature') {
    // The last byte: in ECDSA it belongs to an integer, so that the structure stays well-formed.
    const last = signature.length - 1;
    signature[last] = (signature[last] ?? 0) ^ 1;
  }
  const algorithm =
    defect === 'mismatched-algorithms' ? otherAlgorithm(signer.algorithm) : signer.algorithm;
  return sequence(tbs, algorithm, bitString(signature));
}

/** The last octet of the algorithm's identifier names the hash or the curve: take its neighbour. */
function otherAlgorithm(algorithm: Der): Der {
  const [oid = algorithm, ...parameters] = children(algorithm);
  const other = Uint8Array.from(oid);
  const last = other.length - 1;
  other[last] = (other[last] ?? 0) ^ 1;
  return sequence(other, ...parameters);
}

/** The subject's own bytes: a chain links by them, so they are not encoded a second time. */
function subjectOf({ certificate }: HeldCertificate): Der {
  const [tbs = certificate.raw] = children(certificate.raw);
  const fields = children(tbs);
  // The version is written only from v2 on, as [0]; the subject is the fifth field after it.
  const subject = fields[fields[0]?.[0] === 0xa0 ? 5 : 4];
  return subject ?? encodeName({});
}

function issuersToSend(issuer: HeldCertificate | undefined): string {
  if (issuer?.issuer === undefined) return '';
  return issuer.pem + issuersToSend(issuer.issuer);
}

function randomSerialNumber(): bigint {
  // RFC 5280 §4.1.2.2: positive, and at most 20 octets.
  return (1n << 126n) | (BigInt(`0x${randomBytes(16).toString('hex')}`) >> 2n);
}
