import type { ClientCertificate } from './client-certificate.js';
import type { PemInput } from './source.js';

/** TLS versions that a policy may demand. TLS 1.0 and 1.1 are never spoken (RFC 8996). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What every policy may say. */
interface AnyTrust {
  /** What the client shows to a server that asks for a certificate (mutual TLS). */
  clientCertificate?: ClientCertificate;
  /** Oldest TLS version to speak. Default `'TLSv1.2'`. */
  minVersion?: TlsVersion;
  /**
   * Newest TLS version to speak. Default `'TLSv1.3'`. `'TLSv1.2'` for servers that ask for the client certificate
   * only at certain paths (Apache `<Location>`, IIS): in TLS 1.3 a Node.js client cannot answer that.
   */
  maxVersion?: TlsVersion;
  /**
   * Groups of the key exchange to offer, the preferred first, and no others. Default: Node.js's, without
   * finite-field Diffie-Hellman; where these make a large first message that is lost on the way, it is sent once more
   * without post-quantum ones (`mcp-tls:second-hello`), which a list forbids. A list of post-quantum ones alone requires post-quantum, and TLS 1.3 with it; a
   * Node.js that has none of that refuses the policy (`MCP_TLS_UNSUPPORTED_RUNTIME`).
   */
  groups?: TlsGroup | readonly TlsGroup[];
}

/** Groups of the key exchange by their names in TLS. Those with `MLKEM` are post-quantum: OpenSSL 3.5, as in Node.js 24. */
export type TlsGroup = (typeof TLS_GROUPS)[number];

export const TLS_GROUPS = [
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'SecP384r1MLKEM1024',
  'X25519',
  'P-256',
  'X448',
  'P-384',
  'P-521',
] as const;

/** Policies under which the certificate must carry the reference identity. */
interface NamedTrust extends AnyTrust {
  /** `'name'`: the certificate must carry the reference identity. The default, and the only choice here. */
  identity?: 'name';
  /**
   * Reference identity (RFC 9525) and SNI, instead of the URL's host: a DNS name or an IP address
   * that the certificate must carry as subjectAltName; or a URI, as in the X509-SVIDs of SPIFFE, of which it
   * must carry exactly one. With a URI, `ca` says who may issue it, and `roots` is left out; the host of the URL
   * is asked for (SNI).
   */
  serverName?: string | { uri: string };
  /**
   * Pins of the server's own certificate: one of them must match, **in addition to** the chain and the name.
   * `sha256/BASE64` pins the key (RFC 7469) and survives a renewal that keeps it; `SHA256:HEX` or
   * colon hex pins the certificate. More than one: backup pins, for an announced change.
   */
  pins?: string | readonly string[];
}

/** Trust in certificates that you give: authorities, or servers' own. */
export interface TrustByCa extends NamedTrust {
  /**
   * Trust anchors, PEM (one or several) or DER. They **replace** the default roots unless `roots` is
   * `'default'`.
   *
   * An anchor that carries server names (DNS names or IP addresses as subjectAltName) is taken as a
   * server's own certificate: it is compared byte for byte, and nothing that its key signed is
   * trusted, even if it says CA:TRUE, as those made by `openssl req -x509` do. Every other anchor is an
   * authority. See `authority`.
   */
  ca: PemInput;
  /**
   * Whether the certificates in `ca` are authorities. `true`: all are, and what their keys signed is
   * trusted, those with server names too (such as the CA that kubeadm makes). `false`: none is, the
   * server must present one of exactly these. Default: by their names, see `ca`.
   */
  authority?: boolean;
  /**
   * `'none'`: only `ca`; the default. `'default'`: Node.js's own roots too (bundled,
   * `NODE_EXTRA_CA_CERTS`, and OpenSSL's or the system's where Node.js was started to use them). `'system'`: those of the
   * operating system too, and none of Node.js's; needs Node.js 22.15 (`MCP_TLS_UNSUPPORTED_RUNTIME`).
   */
  roots?: 'none' | 'default' | 'system';
  /**
   * Accept the server's certificate after its notAfter too. Excuses that and nothing else. Needs
   * `pins`. Below an authority the chain must lead to one in `ca`.
   */
  allowExpired?: boolean;
  /**
   * Revocation lists, PEM or DER: one for each authority in the chain, the root included. A chain
   * for which one is missing or out of date is refused. For authorities only: a server's own
   * certificate is withdrawn by taking it out of `ca`.
   */
  crl?: PemInput;
}

/** Trust in Node.js's default roots or those of the operating system, with or without pins. */
export interface TrustByRoots extends NamedTrust {
  /** See {@link TrustByCa.roots}. */
  roots: 'default' | 'system';
  ca?: never;
  authority?: never;
  allowExpired?: never;
  crl?: never;
}

/** Trust in a pinned key or certificate alone: names and chain are not checked. */
export interface TrustByPin extends AnyTrust {
  /** For appliances whose certificate names nothing useful. */
  identity: 'pin';
  /** One of them must match. See {@link TrustByCa.pins}. */
  pins: string | readonly string[];
  /** SNI, instead of the URL's host. */
  serverName?: string;
  /** Accept the pinned certificate after its notAfter too. */
  allowExpired?: boolean;
}

/**
 * What to trust for one server, in one of three shapes: by certificates of yours (`ca`), by the default
 * or the system's roots (`roots`), or by a pinned key (`identity: 'pin'`). Every field is checked when a
 * factory or transport is made.
 */
export type TrustPolicy = TrustByCa | TrustByRoots | TrustByPin;

/**
 * A policy that was parsed and checked once, to be passed on wherever trust is asked for: by
 * `checkTrust` and by stores. Opaque; printing it shows no certificate and no key.
 */
export interface ReadyTrust {
  readonly [readyTrust]: true;
}
declare const readyTrust: unique symbol;

/**
 * Anything that describes trust for one server: a policy; PEM text of one or more certificates as the only
 * anchors, short for `{ ca }`; a policy that was checked already; or `null` for the default roots.
 *
 * `undefined` is refused, by the types and at run time: an unset variable must not become trust.
 */
export type TrustInput = TrustPolicy | ReadyTrust | string | null;

/** Policies of further origins, by exact origin: `https://auth.example:8443`. No wildcards. */
export type Origins = { readonly [origin: `https://${string}`]: TrustInput };
