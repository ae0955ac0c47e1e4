import type { PlainPem } from '../../certificate/pem.js';
import type { Origins, TlsGroup, TlsVersion, TrustInput } from '../../trust/trust-policy.js';
import type { StoredFile } from './stored-file.js';

/**
 * What is kept of one server: whom to trust there, and how that came about. Plain JSON; a `type`, so that
 * it fits the JSON column of a host application's table. `createStoredCertificate` makes one,
 * `parseStoredCertificate` reads one.
 */
export type StoredCertificate = {
  /** Of this format. Another version is refused, not guessed at. */
  readonly version: 2;
  /** Where the server is. */
  readonly url: string;
  /** Whom to trust there. */
  readonly trust: StoredTrust;
  /**
   * The certificate that was approved: the server's own, or the authority's where that is what is
   * trusted. Absent where the default roots are trusted, or what stands in a file: approved is the file then.
   */
  readonly certificate?: ApprovedCertificate;
  /** Trust in further origins that the server's clients talk to, by origin. A closed list. */
  readonly origins?: { readonly [origin: string]: StoredTrust };
  /** URL of an HTTP proxy to this server. */
  readonly proxy?: string;
  /** The host application's own words. */
  readonly labels?: { readonly [name: string]: string };
  /** Who approved, in the host application's words. */
  readonly approvedBy?: string;
  /** When, ISO 8601. */
  readonly approvedAt?: string;
  /** Until when, ISO 8601. From then on `get` rejects with `MCP_TLS_STORE_EXPIRED`. */
  readonly expiresAt?: string;
  /** The certificate that this one replaced. */
  readonly previous?: PreviousCertificate;
};

/**
 * A `TrustPolicy` as JSON: every certificate as PEM text, one certificate an item; or the name of a file that holds
 * them, where `fromFile` was given.
 */
export type StoredTrust = {
  readonly ca?: readonly (string | StoredFile)[];
  readonly authority?: boolean;
  readonly roots?: 'none' | 'default' | 'system';
  readonly pins?: readonly string[];
  readonly identity?: 'name' | 'pin';
  readonly serverName?: string | { readonly uri: string };
  readonly allowExpired?: boolean;
  readonly crl?: readonly (string | StoredFile)[];
  readonly clientCertificate?: StoredClientCertificate;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  readonly groups?: readonly TlsGroup[];
};

/** A client certificate as JSON. A passphrase only beside a file. */
export type StoredClientCertificate =
  | {
      readonly cert: string | readonly (string | StoredFile)[];
      readonly key: string | StoredFile;
      readonly passphrase?: string;
    }
  | { readonly pfx: StoredFile; readonly passphrase?: string };

/** A certificate with what follows from it. */
export type ApprovedCertificate = {
  readonly pem: string;
  /** SHA-256, colon-separated upper-case hex. */
  readonly fingerprint: string;
  readonly isSelfSigned: boolean;
  /** ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
};

/** The certificate that was approved before, to be shown beside the present one. */
export type PreviousCertificate = {
  readonly pem: string;
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly replacedAt?: string;
};

/** What the caller decides; the rest of a {@link StoredCertificate} follows from it. */
export interface StoredCertificateInput {
  /** The https: URL of the server. */
  url: string | URL;
  /** Whom to trust there. A policy of values: files and functions are refused. */
  trust: TrustInput;
  /**
   * The certificate that was approved. Default: the first of `trust.ca`. For trust in a pinned key, where
   * it is kept to be shown.
   */
  certificate?: PlainPem | undefined;
  /** Policies for other origins that the server names, such as its OAuth server. */
  origins?: Origins;
  /** URL of the proxy to this server. Default: what its registry uses. */
  proxy?: string | undefined;
  /** Your own words for the server, up to the limits of a record. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Who approved it. Default: nobody is named. */
  approvedBy?: string | undefined;
  /** Default: now. */
  approvedAt?: Date | undefined;
  /** Left out: no end. An unset one is refused. */
  expiresAt?: Date;
  /** The certificate that this one takes the place of. */
  previous?: PreviousCertificate | undefined;
}
