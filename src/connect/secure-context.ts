import { constants } from 'node:crypto';
import * as tls from 'node:tls';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { addToDefaultRoots, rootsOfSystem } from './default-roots.js';
import { assertTlsRuntime } from './tls-runtime.js';

/**
 * The secure context of a policy. Make it once and keep it: with `ca` among the connection's
 * options Node.js rebuilds it for every handshake.
 *
 * OpenSSL is given the policy's authorities and roots, and never a server's own certificate: what that
 * one's key signed is then never trusted, no matter what else a server presents. A policy that trusts
 * own certificates or pins alone has no anchors at all here, and OpenSSL refuses every chain.
 *
 * Security level 2 (keys and hashes of 112 bits and more) is set for every Node.js line: 20 and 22
 * default to 1 and would take an RSA key of 1024 bits that 24 and 26 refuse.
 *
 * Finite-field Diffie-Hellman is not offered. In TLS 1.2 the server chooses its modulus, which OpenSSL takes
 * up to 10,000 bits, prime or not: 0.9 s for a handshake, in one go, before anybody is known to be trusted.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE` if OpenSSL refuses an anchor, a list, or the
 *   client's certificate; `MCP_TLS_UNSUPPORTED_RUNTIME`
 */
export function makeSecureContext(
  policy: CheckedTrustPolicy,
  offered?: OfferedGroups,
): tls.SecureContext {
  assertTlsRuntime();
  const { authorities, clientCertificate, crl, defaultRoots, systemRoots, groups } = policy;
  const options: tls.SecureContextOptions = {
    minVersion: policy.minVersion,
    maxVersion: policy.maxVersion,
    // Without a group there is no saying which: a key exchange by RSA has none.
    ciphers: `${tls.DEFAULT_CIPHERS}:!DHE${groups.length > 0 ? ':!kRSA' : ''}:@SECLEVEL=2`,
    ...(groups.length > 0
      ? { ecdhCurve: groups.join(':') }
      : offered === 'without post-quantum'
        ? { ecdhCurve: CLASSICAL }
        : ELLIPTIC_GROUPS),
  };
  const anchors = authorities.map((anchor) => anchor.toString());
  // An empty list is an empty store; without `ca` it would be the default roots.
  if (!defaultRoots) options.ca = systemRoots ? [...rootsOfSystem(), ...anchors] : anchors;
  // An intermediate is an anchor only with this flag, and of two anchors with one subject (before and
  // after a renewal) OpenSSL tries only the first without it.
  if (anchors.length > 0) options.allowPartialTrustChain = true;
  if (crl.length > 0) options.crl = [...crl];
  if (clientCertificate !== undefined) {
    options.cert = clientCertificate.chain;
    options.key = clientCertificate.key.export({ type: 'pkcs8', format: 'pem' });
  }
  try {
    if (defaultRoots && anchors.length > 0) return addToDefaultRoots(options, anchors);
    return tls.createSecureContext(options);
  } catch (cause) {
    if (cause instanceof TlsConfigError) throw cause;
    assertKnowsGroups(groups);
    const { code } = cause as NodeJS.ErrnoException;
    const message = `OpenSSL refuses a certificate, key or list of the policy${code ? ` (${code})` : ''}`;
    // Without the cause: what OpenSSL says of a private key is nobody's business.
    throw new TlsConfigError('MCP_TLS_INVALID_CERTIFICATE', message);
  }
}

/** @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME` where this Node.js lacks one of them */
function assertKnowsGroups(groups: readonly string[]): void {
  for (const group of groups) {
    try {
      tls.createSecureContext({ ca: [], ecdhCurve: group });
    } catch {
      throw new TlsConfigError(
        'MCP_TLS_UNSUPPORTED_RUNTIME',
        `the TLS library of this Node.js (${process.version}) has no group ${group}, which trust.groups asks for`,
        {
          hint: 'Post-quantum groups need OpenSSL 3.5 (process.versions.openssl), which Node.js 24 has: run it there, or leave trust.groups out.',
        },
      );
    }
  }
}

/** What is offered of what a policy without `groups` leaves open. Left out: what Node.js offers. */
export type OfferedGroups = 'without post-quantum';

const CLASSICAL = 'X25519:P-256:X448:P-521:P-384';

/**
 * The groups of the key exchange of TLS 1.3. OpenSSL before 3.5 also offers finite fields of up to 8,192
 * bits, from 3.5 on up to 3,072. A process that has chosen its own keeps them.
 */
const ELLIPTIC_GROUPS: Pick<tls.SecureContextOptions, 'ecdhCurve'> =
  tls.DEFAULT_ECDH_CURVE === 'auto' && /^3\.[0-4]\./.test(process.versions.openssl ?? '')
    ? { ecdhCurve: CLASSICAL }
    : {};

/**
 * A secure context that shakes hands with nearly anything, to read a certificate that will not be
 * trusted: TLS 1.0, weak keys and groups, servers without secure renegotiation (RFC 5746), and without
 * the large post-quantum groups that some middleboxes cannot take. It has no anchors.
 *
 * But not with finite-field Diffie-Hellman: whoever is at that address could choose the modulus.
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME`
 */
export function makeLenientContext(): tls.SecureContext {
  assertTlsRuntime();
  return tls.createSecureContext({
    ca: [],
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT:!DHE:@SECLEVEL=0',
    ecdhCurve: 'X25519:P-256:P-384:P-521',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
}
