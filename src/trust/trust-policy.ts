import type { PemInput } from '../certificate/pem.js';
import type { ClientCertificate } from './client-certificate.js';

/** TLS versions that a policy may demand. TLS 1.0 and 1.1 are never spoken (RFC 8996). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What to trust for one server. Every field is checked when a factory or transport is made. */
export interface TrustPolicy {
  /**
   * Trust anchors, PEM (one or several) or DER. They **replace** the default roots unless `roots` is
   * `'default'`. Any certificate can be an anchor: a root, an intermediate, or the server's own.
   *
   * An anchor that carries server names (DNS names or IP addresses as subjectAltName) is taken as a
   * server's own certificate: it vouches for itself, and not for what was signed with its key, even
   * if it says CA:TRUE, as those made by `openssl req -x509` do. See `authority`.
   */
  readonly ca?: PemInput;
  /**
   * Whether the certificates in `ca` are authorities. `true`: all vouch for whatever their keys
   * signed, those with server names too (such as the CA that kubeadm makes). `false`: none does, the
   * server must present one of exactly these. Default: by their names, see `ca`.
   */
  readonly authority?: boolean;
  /**
   * `'none'`: only `ca`; the default when `ca` is given. `'default'`: Node.js's own roots (bundled,
   * `NODE_EXTRA_CA_CERTS`, and the system's where Node.js was told to use them); the default otherwise.
   */
  readonly roots?: 'none' | 'default';
  /**
   * Pins of the server's own certificate: one of them must match, **besides** the chain and the name.
   * `sha256/BASE64` pins the key (RFC 7469) and survives a renewal that keeps it; `SHA256:HEX` or
   * colon hex pins the certificate. More than one: backup pins, for an announced change.
   */
  readonly pins?: readonly string[];
  /**
   * `'name'`: the certificate must carry the reference identity; the default. `'pin'`: the pinned key
   * **is** the identity; names and chain are not asked. For appliances whose certificate names
   * nothing useful. Needs `pins`.
   */
  readonly identity?: 'name' | 'pin';
  /**
   * Reference identity (RFC 9525) and SNI, instead of the URL's host: a DNS name or an IP address
   * that the certificate must carry as subjectAltName.
   */
  readonly serverName?: string;
  /** Accept the pinned certificate after its end too: its pin vouches for it. Needs `pins`. */
  readonly allowExpired?: boolean;
  /** What the client shows to a server that asks for a certificate (mutual TLS). */
  readonly clientCertificate?: ClientCertificate;
  /**
   * Revocation lists, PEM or DER: one for each authority in the chain, the root included. A chain
   * for which one is missing or out of date is refused.
   */
  readonly crl?: PemInput;
  /** Oldest TLS version to speak. Default `'TLSv1.2'`. */
  readonly minVersion?: TlsVersion;
}

/** Whatever describes trust for one server: a policy, certificate(s) as the only anchors, or `null` for default roots. */
export type TrustInput = TrustPolicy | string | Uint8Array | null;
