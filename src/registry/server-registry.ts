import type { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CertificateDescription } from '../certificate/describe-certificate.js';
import type { PemInput } from '../certificate/pem.js';
import type { CustomClient } from '../client/custom-client.js';
import type { CustomClientInit } from '../client/make-custom-client-factory.js';
import type {
  FetchPeerCertificateOptions,
  PeerCertificate,
} from '../connect/fetch-peer-certificate.js';
import type { SseClientOptions } from '../transports/sse-client.js';
import type { StreamableHttpClientOptions } from '../transports/streamable-http-client.js';
import type { ClientCertificate } from '../trust/client-certificate.js';
import type { CertificateFile } from './certificate-files.js';
import type { ServerCheck, ServerCheckOptions } from './check-server.js';
import type { RegistryWatch, WatchOptions } from './registry-watch.js';

/** Decides about a certificate: shows it to somebody, or compares it with what is known. */
export type ApproveCertificate = (
  certificate: PeerCertificate,
  context: ApprovalContext,
) => boolean | Promise<boolean>;

export interface ApprovalContext {
  readonly id: string;
  /** The certificate on record, where there is one. */
  readonly current: CertificateDescription | undefined;
}

/** Who says that a presented certificate is the server's own. At most one of the three. */
export interface Approval {
  /** A pin in any spelling: SHA-256 of the certificate (`AB:CD:...`) or of its key (`sha256/...`). */
  readonly expectFingerprint?: string | undefined;
  /** Asked with what the server presents; `true` approves. */
  readonly approve?: ApproveCertificate | undefined;
  /** Takes whatever answers the first time. Whoever is in the way at that moment is trusted then. */
  readonly trustOnFirstUse?: true | undefined;
  /** Kept in the record: who approved, in the host application's words. */
  readonly approvedBy?: string | undefined;
}

/** Options of {@link ServerRegistry.register}. */
export interface RegisterOptions extends Approval {
  /**
   * `'certificate'`: exactly this certificate; the default for a server that the default roots do not
   * vouch for. `'key'`: its public key is the identity, and survives a renewal that keeps it; names
   * and chain are not asked. `{ ca }`: whatever this authority issues for the server's name. Left
   * out, a publicly trusted server is trusted by the default roots, without a pin.
   */
  readonly trust?: 'certificate' | 'key' | { readonly ca: PemInput } | undefined;
  /** Name to ask for and to check against, instead of the URL's host. */
  readonly serverName?: string | undefined;
  /** For a server that demands one. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Takes the place of the server that has this id. Default: refuse. */
  readonly replace?: boolean | undefined;
}

/** What {@link ServerRegistry.update} can change; a field that is left out stays. */
export interface ServerChanges {
  readonly url?: string | URL | undefined;
  readonly approvedBy?: string | undefined;
  /** End of the approval. `null`: none. */
  readonly expiresAt?: Date | null | undefined;
  /** All pins, the present one and those of an announced change. For servers trusted by their key. */
  readonly pins?: readonly string[] | undefined;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** `null`: none any more. */
  readonly clientCertificate?: ClientCertificate | null | undefined;
}

/** What vouches for a registered server. */
export type RegisteredTrust = 'certificate' | 'key' | 'authority' | 'default roots';

/** A registered server, for lists and pages. */
export interface RegisteredServer {
  readonly id: string;
  readonly url: string;
  readonly trust: RegisteredTrust;
  /** Of the certificate on record: the authority's, where that is what is trusted. */
  readonly fingerprint: string;
  readonly isSelfSigned: boolean;
  readonly notAfter: string;
  /** End of the approval, ISO 8601. */
  readonly expiresAt: string | undefined;
  /** The name that is asked for and checked, where it is not the URL's host. */
  readonly serverName: string | undefined;
  /** What is accepted, where that is keys or certificates by their pins. */
  readonly pins: readonly string[] | undefined;
  /** Whole days until `notAfter`; negative after it. */
  readonly daysLeft: number;
  readonly approvedBy: string | undefined;
  readonly approvedAt: string | undefined;
  readonly previousFingerprint: string | undefined;
}

/** An entry of a list: a server, or why its record cannot be used. */
export type RegistryEntry =
  | (RegisteredServer & { readonly error?: never })
  | { readonly id: string; readonly error: unknown };

/** Which of the servers {@link ServerRegistry.list} reads. Reading one takes some 0.5 ms. */
export interface ListOptions {
  /** Only those whose id comes after this one: the last of the page before. */
  readonly after?: string | undefined;
  /** At most so many. Default: all. */
  readonly limit?: number | undefined;
}

/** What {@link ServerRegistry.renew} found. */
export interface Renewal {
  /** Whether the record was written anew. */
  readonly changed: boolean;
  /** Whether the presented certificate has the key of the one on record. */
  readonly sameKey: boolean;
  readonly server: RegisteredServer;
}

/** Makes clients of one server. Pools belong to the registry, and end with it. */
export type RegistryClientFactory = (init?: CustomClientInit) => CustomClient;

interface Endpoint {
  /** Another endpoint of the same origin, such as `/sse`. Default: the registered URL. */
  readonly endpoint?: string | undefined;
}

/** The SDK's options and ours, without those that the registry decides. */
export interface RegistryStreamableHttpOptions
  extends Omit<StreamableHttpClientOptions, 'clientFactory' | 'trust' | 'origins'>,
    Endpoint {}
export interface RegistrySseOptions
  extends Omit<SseClientOptions, 'clientFactory' | 'trust' | 'origins'>,
    Endpoint {}

/**
 * The servers of a gateway: whom to trust is decided once for each, kept in a store, and held by every
 * connection that is made by id. Ids are any strings of up to 128 bytes.
 *
 * Every request reads the record through the store (from its cache), so that a change or revocation by
 * another process takes hold as soon as the store shows it, also for transports that exist already.
 */
export interface ServerRegistry {
  /** Reads what a server presents. Trusts and stores nothing. See `fetchPeerCertificate`. */
  inspect(
    url: string | URL,
    options?: Pick<FetchPeerCertificateOptions, 'serverName' | 'signal'>,
  ): Promise<PeerCertificate>;
  /**
   * Fetches the certificate, has it approved, tries the trust that follows from it over a real
   * connection, and stores it.
   *
   * @throws {ApprovalRequiredError} `MCP_TLS_APPROVAL_REQUIRED`, `MCP_TLS_FINGERPRINT_MISMATCH`
   * @throws {RegistryError} `MCP_TLS_ALREADY_REGISTERED`
   * @throws {TlsTrustError} if the server cannot be reached, or that trust does not hold for it
   */
  register(id: string, url: string | URL, options?: RegisterOptions): Promise<RegisteredServer>;
  /**
   * For requests of one's own. A body that is still being read `idleMs` after its request is cut off;
   * transports keep their connections until they are closed.
   *
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`
   */
  clientFactory(id: string): Promise<RegistryClientFactory>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  streamableHttpClient(
    id: string,
    options?: RegistryStreamableHttpOptions,
  ): Promise<StreamableHTTPClientTransport>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  sseClient(id: string, options?: RegistrySseOptions): Promise<SSEClientTransport>;
  /**
   * Looks at the certificate that the server presents now. One that the present trust covers (the same
   * key under `'key'`, a backup pin, the same authority) is stored without approval. Any other needs
   * approval, and is trusted in the same way as its predecessor was, in its place.
   *
   * @throws {ApprovalRequiredError} with the certificate on record in `current`
   */
  renew(id: string, approval?: Approval): Promise<Renewal>;
  /** Deletes the record and ends its connections. @returns whether there was one */
  revoke(id: string): Promise<boolean>;
  /** Changes parts of a record. What concerns trust is tried over a connection before. */
  update(id: string, changes: ServerChanges): Promise<RegisteredServer>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  get(id: string): Promise<RegisteredServer>;
  /** Every record, those that cannot be used included, in the order of their ids; or a page of them. */
  list(options?: ListOptions): Promise<readonly RegistryEntry[]>;
  /** Asks the server for a sign of life in MCP, over the very connections that requests use. */
  check(id: string, options?: ServerCheckOptions): Promise<ServerCheck>;
  /**
   * Writes the certificate of a server, never a key, to a temporary file for a child process
   * (`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`). Removed when it is closed, when the server is revoked,
   * at `close()` and when the process exits.
   *
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`, `MCP_TLS_FILE_REFUSED`
   */
  certificateFile(id: string, options?: { readonly directory?: string }): Promise<CertificateFile>;
  /**
   * Tells what happens to the servers, by `for await` or as an `EventTarget`. While there is a watch,
   * each server is connected to once every `intervalMs` by one of the processes that share the store.
   *
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
   */
  watch(options?: WatchOptions): RegistryWatch;
  /** Ends connections, watches, timers and files. The store stays open. */
  close(): Promise<void>;
}
