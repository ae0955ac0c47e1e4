import { invalidArgument } from '../../assert.js';
import { pemOf, readCertificates } from '../../certificate/pem.js';
import { readRevocationLists } from '../../certificate/revocation-list.js';
import { anchorsOf, rootsOf } from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { type CheckedClientCertificate, readClientChain } from '../../trust/client-certificate.js';
import { isKeyObject } from '../../trust/private-key.js';
import { sourceOf, sourcesIn } from '../../trust/source.js';
import { sourcedOf } from '../../trust/sourced.js';
import type { TrustPolicy } from '../../trust/trust-policy.js';
import { isUri } from '../../trust/uri-identity.js';
import type { StoredClientCertificate, StoredTrust } from './stored-certificate.js';
import {
  eachStored,
  fileOfSource,
  isStoredFile,
  type RecordFile,
  sourceOfFile,
} from './stored-file.js';

/**
 * A checked policy as JSON. What the policy derived from names or defaults stands in it explicitly, so
 * that it means the same to whoever reads it later; a private key stands in it without its passphrase,
 * which would lie beside it. Of a file there is the name, and nothing that is in it.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for `dangerouslyTrustAnyServer()`, which is never stored, and
 *   for functions
 */
export function toStoredTrust(policy: CheckedTrustPolicy): StoredTrust {
  const { identity, serverName, minVersion, maxVersion, groups } = policy;
  if (identity === 'unchecked') {
    invalidArgument('dangerouslyTrustAnyServer() is not kept in a store');
  }
  return {
    ...chainFields(policy),
    ...(identity === 'pin' ? { identity } : {}),
    ...(policy.pins.length === 0 ? {} : { pins: policy.pins.map(({ text }) => text) }),
    ...(serverName === undefined
      ? {}
      : { serverName: isUri(serverName) ? { uri: serverName } : serverName }),
    ...(policy.allowExpired ? { allowExpired: true } : {}),
    ...crlOf(policy),
    ...clientCertificateOf(policy),
    ...(minVersion === 'TLSv1.2' ? {} : { minVersion }),
    ...(maxVersion === 'TLSv1.3' ? {} : { maxVersion }),
    ...(groups.length === 0 ? {} : { groups }),
  };
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what no record can hold or name */
export function assertCanBeStored(policy: CheckedTrustPolicy): void {
  for (const source of sourcedOf(policy)?.sources ?? []) fileOfSource(source);
}

function chainFields(policy: CheckedTrustPolicy): Pick<StoredTrust, 'ca' | 'authority' | 'roots'> {
  const named = rootsOf(policy);
  const roots = named === undefined ? {} : { roots: named };
  const { ca: given, authority } = sourcedOf(policy)?.chain?.given ?? {};
  if (sourcesIn(given).length > 0) {
    const ca = eachStored(given, (pem) => readCertificates(pem).map(({ raw }) => pemOf(raw)));
    // Whether a file holds authorities is decided by the names in it then, unless the caller said so.
    return { ca, ...(authority === undefined ? {} : { authority }), ...roots };
  }
  const anchors = anchorsOf(policy);
  if (anchors.length === 0) return roots;
  const ca = anchors.map(({ raw }) => pemOf(raw));
  const authorities = anchors.filter(({ isAuthority }) => isAuthority).length;
  // Of both kinds: then they are distinguished by their names, as they were.
  const isMixed = authorities > 0 && authorities < anchors.length;
  return { ca, ...(isMixed ? {} : { authority: authorities > 0 }), ...roots };
}

function crlOf(policy: CheckedTrustPolicy): Pick<StoredTrust, 'crl'> {
  const given = sourcedOf(policy)?.chain?.given.crl;
  if (sourcesIn(given).length > 0) return { crl: eachStored(given, readRevocationLists) };
  return policy.crl.length === 0 ? {} : { crl: [...policy.crl] };
}

function clientCertificateOf({
  clientCertificate,
}: CheckedTrustPolicy): Pick<StoredTrust, 'clientCertificate'> {
  if (clientCertificate === undefined) return {};
  const { chain, source } = clientCertificate;
  if (source !== undefined) return { clientCertificate: named(clientCertificate) };
  return { clientCertificate: { cert: chain, key: pemOfKey(clientCertificate) } };
}

/** A passphrase is of a file here; a key that the record holds needs none. */
function named(certificate: CheckedClientCertificate): StoredClientCertificate {
  const { cert, key, pfx, passphrase } = certificate.source?.given ?? {};
  const secret = passphrase === undefined ? {} : { passphrase };
  const archive = sourceOf(pfx);
  if (archive !== undefined) return { pfx: fileOfSource(archive), ...secret };
  const chain = eachStored(cert, (pem) => readClientChain(pem).map(({ raw }) => pemOf(raw)));
  const source = isKeyObject(key) ? undefined : sourceOf(key);
  if (source === undefined) return { cert: chain, key: pemOfKey(certificate) };
  return { cert: chain, key: fileOfSource(source), ...secret };
}

function pemOfKey({ key }: CheckedClientCertificate): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

const NO_FILES: readonly RecordFile[] = Object.freeze([]);

/** The files that stored trust names. */
export function filesOf({ ca, crl, clientCertificate }: StoredTrust): readonly RecordFile[] {
  const files: RecordFile[] = [];
  const add = (field: string, value: unknown): void => {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (isStoredFile(one)) files.push({ field, file: one.file });
    }
  };
  add('ca', ca);
  add('crl', crl);
  // What stands there was not checked yet.
  if (typeof clientCertificate === 'object' && clientCertificate !== null) {
    const { cert, key, pfx } = clientCertificate as Readonly<Record<string, unknown>>;
    add('clientCertificate.cert', cert);
    add('clientCertificate.key', key);
    add('clientCertificate.pfx', pfx);
  }
  return files.length === 0 ? NO_FILES : files;
}

/** The policy that stored trust with files is: with sources in their place. @throws {TlsConfigError} */
export function fromStoredTrust(stored: StoredTrust): TrustPolicy {
  const { ca, crl, clientCertificate } = stored;
  const fields = {
    ...stored,
    ...(ca === undefined ? {} : { ca: withSources(ca) }),
    ...(crl === undefined ? {} : { crl: withSources(crl) }),
    ...(clientCertificate === undefined
      ? {}
      : { clientCertificate: eachField(clientCertificate, withSources) }),
  };
  return fields as unknown as TrustPolicy;
}

function withSources(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSources);
  return isStoredFile(value) ? sourceOfFile(value) : value;
}

function eachField(value: object, map: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, map(field)]));
}
