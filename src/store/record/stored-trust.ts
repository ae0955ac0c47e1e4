import { invalidArgument } from '../../assert.js';
import { pemOf } from '../../certificate/pem.js';
import { anchorsOf, rootsOf } from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { sourcedOf } from '../../trust/sourced.js';
import { isUri } from '../../trust/uri-identity.js';
import type { StoredTrust } from './stored-certificate.js';

/**
 * A checked policy as JSON. What the policy derived from names or defaults stands in it explicitly, so
 * that it means the same to whoever reads it later; a private key stands in it without its passphrase,
 * which would lie beside it.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for `dangerouslyTrustAnyServer()`, which is never stored
 */
export function toStoredTrust(policy: CheckedTrustPolicy): StoredTrust {
  const { identity, serverName, minVersion, maxVersion, groups } = policy;
  if (identity === 'unchecked') {
    invalidArgument('dangerouslyTrustAnyServer() is not kept in a store');
  }
  assertHoldsItself(policy);
  return {
    ...chainFields(policy),
    ...(identity === 'pin' ? { identity } : {}),
    ...(policy.pins.length === 0 ? {} : { pins: policy.pins.map(({ text }) => text) }),
    ...(serverName === undefined
      ? {}
      : { serverName: isUri(serverName) ? { uri: serverName } : serverName }),
    ...(policy.allowExpired ? { allowExpired: true } : {}),
    ...(policy.crl.length === 0 ? {} : { crl: [...policy.crl] }),
    ...clientCertificateOf(policy),
    ...(minVersion === 'TLSv1.2' ? {} : { minVersion }),
    ...(maxVersion === 'TLSv1.3' ? {} : { maxVersion }),
    ...(groups.length === 0 ? {} : { groups }),
  };
}

/**
 * A record holds what it trusts: a file or a function of one process says nothing to another.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function assertHoldsItself(policy: CheckedTrustPolicy): void {
  if (sourcedOf(policy) === undefined) return;
  invalidArgument(
    'trust names a file or a function, and a record holds certificates and keys themselves',
    'Read the file, give what it holds, and call update() when it changes; or connect by a factory of your own.',
  );
}

function chainFields(policy: CheckedTrustPolicy): Pick<StoredTrust, 'ca' | 'authority' | 'roots'> {
  const named = rootsOf(policy);
  const roots = named === undefined ? {} : { roots: named };
  const anchors = anchorsOf(policy);
  if (anchors.length === 0) return roots;
  const ca = anchors.map(({ raw }) => pemOf(raw));
  const authorities = anchors.filter(({ isAuthority }) => isAuthority).length;
  // Of both kinds: then they are distinguished by their names, as they were.
  const isMixed = authorities > 0 && authorities < anchors.length;
  return { ca, ...(isMixed ? {} : { authority: authorities > 0 }), ...roots };
}

function clientCertificateOf({
  clientCertificate,
}: CheckedTrustPolicy): Pick<StoredTrust, 'clientCertificate'> {
  if (clientCertificate === undefined) return {};
  const { chain, key } = clientCertificate;
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { clientCertificate: { cert: chain, key: pem } };
}
