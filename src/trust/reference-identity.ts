import type { X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { printedNames, readQuietly } from '../certificate/openssl-errors.js';
import { printable } from '../certificate/printable.js';
import { carriesUri, isUri } from './uri-identity.js';

/** The name that a certificate must carry (RFC 9525 §6.1). */
export interface ReferenceIdentity {
  readonly kind: 'ip' | 'dns' | 'uri';
  /** Canonical: lower case, punycode, no brackets, no trailing dot. A URI as it is written. */
  readonly value: string;
  /** The name to ask for (SNI), where that is another: of a URI, the host. */
  readonly sni?: string;
}

/**
 * The name that the certificate of a server must carry under a policy.
 *
 * @param host of the URL
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a host that no certificate can name
 */
export function identityUnder(
  { serverName }: { readonly serverName: string | undefined },
  host: string,
): ReferenceIdentity {
  if (!isUri(serverName)) return readReferenceIdentity(serverName ?? host);
  const { kind, value } = readReferenceIdentity(host);
  return { kind: 'uri', value: serverName, ...(kind === 'dns' ? { sni: value } : {}) };
}

/**
 * Reads a host (from a URL, or a policy's `serverName`) into its canonical form.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if it is not one DNS name or IP address
 */
export function readReferenceIdentity(host: string): ReferenceIdentity {
  if (typeof host !== 'string' || host === '') invalidArgument('a server name must not be empty');
  const isIpv6 = host.includes(':');
  // Only a DNS name or an IP address survives these alphabets; a port, path, user or wildcard does not.
  const alphabet = isIpv6 ? /^\[?[0-9a-f:.]+\]?$/i : /^[\p{L}\p{M}\p{N}._-]+$/u;
  if (!alphabet.test(host)) {
    invalidArgument('a server name must be one DNS name or IP address, without port or wildcard');
  }
  const value = canonicalHost(isIpv6 ? `[${host.replace(/^\[|\]$/g, '')}]` : host);
  if (isIpv6) return { kind: 'ip', value: value.slice(1, -1) };
  // The URL parser leaves a numeric last label only where the whole is an IPv4 address.
  if (/\.\d+$/.test(value)) return { kind: 'ip', value };
  // OpenSSL reads a leading dot as "any name below": an empty label must never reach it.
  if (value.split('.').includes('')) invalidArgument('a server name must not have an empty label');
  return { kind: 'dns', value };
}

/**
 * Whether the certificate carries `identity` among its subjectAltNames. The subject's common name
 * is not looked at (RFC 9525 §2), unlike `tls.checkServerIdentity`, which falls back to it.
 *
 * `checkIP` is used for addresses because `tls.checkServerIdentity` of some Node.js releases
 * (22.23) refuses IPv6 subjectAltNames.
 */
export function carriesIdentity(leaf: X509Certificate, identity: ReferenceIdentity): boolean {
  if (identity.kind === 'uri') return carriesUri(leaf, identity.value);
  const match = readQuietly(leaf, (c) =>
    identity.kind === 'ip'
      ? c.checkIP(identity.value)
      : c.checkHost(identity.value, { subject: 'never', partialWildcards: false }),
  );
  return match !== undefined;
}

/** The subjectAltNames as Node.js prints them, in characters that print. */
export function presentedNames(leaf: X509Certificate): string | undefined {
  const names = printedNames(leaf);
  return names ? printable(names) : undefined;
}

function canonicalHost(host: string): string {
  try {
    return new URL(`https://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return invalidArgument('a server name must be one DNS name or IP address');
  }
}
