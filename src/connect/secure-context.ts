import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { TlsConfigError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/check-trust-policy.js';

/**
 * The secure context of a policy. Make it once and keep it: with `ca` among the connection's
 * options Node.js rebuilds it for every handshake (1.6 against 29 to 45 ms of CPU with the default
 * roots and one more, on Node 20).
 *
 * Security level 2 (keys and hashes of 112 bits and more) is set for every Node.js line: 20 and 22
 * default to 1 and would take an RSA key of 1024 bits that 24 and 26 refuse.
 *
 * @param reach `'policy'`: what the policy allows. `'anything'`: TLS 1.0 and weak keys too, for a
 *   probe that has to read what it will not trust.
 * @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE` if OpenSSL refuses an anchor
 */
export function makeSecureContext(
  policy: CheckedTrustPolicy,
  reach: 'policy' | 'anything' = 'policy',
): tls.SecureContext {
  const { anchors, clientCertificate, crl } = policy;
  const options: tls.SecureContextOptions =
    reach === 'policy'
      ? { minVersion: policy.minVersion, ciphers: `${tls.DEFAULT_CIPHERS}:@SECLEVEL=2` }
      : { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' };
  // Without `ca`, OpenSSL shares one store of default roots among all contexts.
  if (anchors.length > 0) {
    options.ca = anchors.map((anchor) => anchor.toString());
    if (policy.defaultRoots) options.ca.unshift(...defaultRoots());
    // A leaf or an intermediate is an anchor only with this flag, and of two anchors with one
    // subject (before and after a renewal) OpenSSL tries only the first without it.
    options.allowPartialTrustChain = true;
  }
  if (crl.length > 0) options.crl = [...crl];
  if (clientCertificate !== undefined && reach === 'policy') {
    options.cert = clientCertificate.chain;
    options.key = clientCertificate.key.export({ type: 'pkcs8', format: 'pem' });
  }
  try {
    return tls.createSecureContext(options);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `OpenSSL refuses a certificate, key or list of the policy${code ? ` (${code})` : ''}`;
    // Without the cause: what OpenSSL says of a private key is nobody's business.
    throw new TlsConfigError('MCP_TLS_INVALID_CERTIFICATE', message);
  }
}

/** What Node.js itself trusts: its bundled roots, `NODE_EXTRA_CA_CERTS`, and the system's if asked to. */
export function defaultRoots(): readonly string[] {
  // Since 22.15 and 23.10. Not in the types of Node 20.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates) return getCACertificates('default');
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  if (!extra) return tls.rootCertificates;
  try {
    return [...tls.rootCertificates, readFileSync(extra, 'utf8')];
  } catch {
    // Node.js warns at start-up and goes on without a file that it cannot read; fewer roots is the safe side.
    return tls.rootCertificates;
  }
}
