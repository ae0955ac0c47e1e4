import type { CertificateDescription } from '../../certificate/describe-certificate.js';
import type { PeerCertificate } from '../../connect/peer-certificate.js';
import type { ClientCertificate } from '../../trust/client-certificate.js';
import type { Origins, TlsVersion, TrustInput } from '../../trust/trust-policy.js';

/** Decides about a certificate: shows it to somebody, or compares it with what is known. */
export type ApproveCertificate = (
  certificate: PeerCertificate,
  context: ApprovalContext,
) => boolean | Promise<boolean>;

/** What `approve` learns in addition to the certificate. */
export interface ApprovalContext {
  readonly id: string;
  /** The certificate on record, where there is one. */
  readonly current: CertificateDescription | undefined;
}

interface AnyApproval {
  /** Kept in the record: who approved, in the host application's words. */
  approvedBy?: string | undefined;
  /** Ends the waiting, for the server and for a person; it rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** The certificate was compared before. */
export interface ApprovalByFingerprint extends AnyApproval {
  /**
   * A pin in any spelling: SHA-256 of the certificate (`AB:CD:...`) or of its key (`sha256/...`). Without
   * any, what is not trusted already needs an approval.
   */
  expectFingerprint?: string | undefined;
  approve?: never;
  trustOnFirstUse?: never;
}

/** Somebody decides now. */
export interface ApprovalByCallback extends AnyApproval {
  /** Asked with what the server presents; `true` approves. */
  approve?: ApproveCertificate | undefined;
  expectFingerprint?: never;
  trustOnFirstUse?: never;
}

/** Nobody decides. */
export interface TrustOnFirstUse extends AnyApproval {
  /** Trusts the first certificate that is seen (TOFU): an attacker in the path at that moment, too. */
  trustOnFirstUse?: true | undefined;
  expectFingerprint?: never;
  approve?: never;
}

/** Who says that a presented certificate is the server's own. At most one of the three. */
export type Approval = ApprovalByFingerprint | ApprovalByCallback | TrustOnFirstUse;

/**
 * What `ServerRegistry.register` and `ServerRegistry.update` set; left out: as it is. An
 * `undefined` where trust is meant is refused.
 */
export interface ServerSettings {
  /**
   * A policy of yours instead of one made from the presented certificate: that you bring it is the
   * approval, and what the server presents must be trusted by it. Certificates of several machines behind
   * one address go in together, as own certificates: `{ ca: [a, b], authority: false }`. `null`: the
   * default roots.
   */
  trust?: TrustInput;
  /** For a server that requires one. `null`: none any more. */
  clientCertificate?: ClientCertificate | null;
  /** Trust in further origins, such as an OAuth server behind a private CA. */
  origins?: Origins;
  /** URL of an HTTP proxy to this server, instead of the registry's. */
  proxy?: string | undefined;
  /** The host application's own words. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** End of the approval. `null`: none. */
  expiresAt?: Date | null;
}

/** What {@link RegisterOptions} are apart from the approval. */
export interface Registration extends ServerSettings {
  /**
   * What of the presented certificate is trusted. `'certificate'`: exactly this one. `'key'`: its public
   * key is the identity, and survives a renewal that keeps it; names and chain are not checked. Left
   * out: a publicly trusted server is trusted by the default roots, without a pin; any other by its
   * certificate. Cannot be combined with `trust`.
   */
  pin?: 'certificate' | 'key' | undefined;
  /** Name to ask for and to check against, instead of the URL's host. */
  serverName?: string;
  /** Replaces the server that has this id. Default: refuse. */
  replace?: boolean | undefined;
}

/** Options of `ServerRegistry.register`. */
export type RegisterOptions = Approval & Registration;

/**
 * What `ServerRegistry.update` can change; a field that is left out stays. `trust` is a whole policy, and replaces all
 * of the one that is there but its client certificate: pins, `serverName`, `minVersion`, `maxVersion` and `groups` are
 * those of the new one, or those that are given beside it.
 */
export interface ServerChanges extends ServerSettings {
  /** Another address of the same server. It is connected to before it is stored. */
  url?: string | URL;
  /** Who approved the change. Default: as it was. */
  approvedBy?: string | undefined;
  /** Name to ask for and to check against, instead of the URL's host. */
  serverName?: string;
  /** All pins, the present one and those of an announced change. */
  pins?: string | readonly string[];
  /** The lowest version of TLS. Default: as it was. */
  minVersion?: TlsVersion;
  /** Newest TLS version to speak. See `TrustPolicy`. */
  maxVersion?: TlsVersion;
  /** Ends the update before anything is stored; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}
