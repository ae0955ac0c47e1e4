import type {
  ClientLimits,
  CustomClientInit,
  ServerRequestOptions,
} from '../client/client-init.js';
import type { CloseOptions } from '../client/close-options.js';
import type { CustomClient } from '../client/custom-client.js';
import type { FactoryStats } from '../client/pools.js';
import type { PeerCertificate } from '../connect/peer-certificate.js';
import type { AnyMcpTlsError } from '../errors/any-error.js';
import type { ErrorCode, TlsConfigError } from '../errors.js';
import type { ListOptions } from '../store/certificate-store.js';
import type { RecordFile } from '../store/record/stored-file.js';
import type { Problem } from '../trust/problem.js';
import type { Approval, RegisterOptions, ServerChanges } from './enrol/enrol-options.js';
import type { ShownClientCertificate } from './shown-client-certificate.js';
import type { RegistryWatch, WatchOptions } from './watch/events.js';

/**
 * What a registered server is trusted by: its own certificate, its pinned key (or certificate, where names
 * are not checked), an authority, or the default roots.
 */
export type RegisteredKind = 'certificate' | 'key' | 'authority' | 'roots';

/** A registered server, for lists and pages. */
export interface RegisteredServer {
  readonly id: string;
  readonly url: string;
  readonly kind: RegisteredKind;
  /**
   * Of the certificate on record: the authority's, where that is what is trusted. None under the roots. Where the record
   * names a file, of the first certificate that is in it now, in this process.
   */
  readonly fingerprint: string | undefined;
  readonly isSelfSigned: boolean;
  /** End of the certificate on record. */
  readonly notAfter: Date | undefined;
  /** Whole days until `notAfter`; negative after it. */
  readonly daysLeft: number | undefined;
  /** End of the approval. */
  readonly expiresAt: Date | undefined;
  /** The name that is asked for and checked, where it is not the URL's host. */
  readonly serverName: string | undefined;
  /** Keys or certificates that are accepted, or asked for in addition to the chain. */
  readonly pins: readonly string[];
  /** What the server is shown (mutual TLS). */
  readonly clientCertificate: ShownClientCertificate | undefined;
  /** The files that the record names. Their names were approved, not what they hold. */
  readonly sources: readonly RecordFile[];
  /** Why what they hold cannot be used now, in this process: no connection is made without it. */
  readonly sourceError: TlsConfigError | undefined;
  readonly approvedBy: string | undefined;
  readonly approvedAt: Date | undefined;
  readonly previousFingerprint: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** An entry of a list: a server, or why its record cannot be used. */
export type RegistryEntry =
  | (RegisteredServer & { readonly error?: undefined })
  | { readonly id: string; readonly error: AnyMcpTlsError };

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

/** What a transport of a registered server can be given: the rest is on record. */
export interface RegisteredLinkOptions extends ServerRequestOptions, Omit<ClientLimits, 'signal'> {
  /** Another endpoint of the same origin, such as `/sse`. Default: the registered URL. */
  endpoint?: string | undefined;
}

/** Options of `ServerRegistry.check`. */
export interface ServerCheckOptions extends ServerRequestOptions {
  /** Another endpoint of the same origin. */
  endpoint?: string | undefined;
  /**
   * Limit for the whole check in milliseconds: both transports and the look at the certificate together,
   * which may end before by the registry's `timeout.connectMs`. 0 for none. Default 10,000. (The record is
   * read in the time that the store gives itself.)
   */
  timeoutMs?: number | undefined;
  /** Ends the check; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `ServerRegistry.inspect`. */
export interface InspectOptions {
  /** Name to ask for and to check against, instead of the URL's host. */
  serverName?: string;
  /** Limit in milliseconds; 0 for none. Default: `timeout.connectMs` of the registry. */
  timeoutMs?: number | undefined;
  /** Ends the inspection; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `ServerRegistry.certificateFile`. */
export interface CertificateFileOptions {
  /** Where the file's own directory is made. Default: the operating system's for temporary files. */
  directory?: string | undefined;
}

/** Options of `ServerRegistry.list`. */
export interface ServerListOptions extends ListOptions {
  /**
   * Called from time to time with how many of the rows were looked at, of all that there are: deleted ones
   * included, and those behind the end of a page. Waited for if it gives a promise; if it fails, so does the call.
   */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a check found. */
export interface ServerCheck {
  readonly id: string;
  /** Reachable, trusted, and it answered a ping in MCP. */
  readonly ok: boolean;
  readonly reachable: boolean;
  /** Whether what answers is the server that is on record. */
  readonly trusted: boolean;
  /**
   * The transport that a ping was answered over; or `'unauthorized'`: the server wants authorization (HTTP 401),
   * and what was given with `auth` or `headers`, if anything, was not enough. It is `reachable` and `trusted` then,
   * and not `ok`: that it speaks MCP was not seen. Where each user has a token, this is what a server in order says.
   */
  readonly mcp: 'streamable-http' | 'sse' | 'unauthorized' | undefined;
  /** Of the certificate that the server presents now; `undefined` if it shows none. */
  readonly daysLeft: number | undefined;
  readonly fingerprint: string | undefined;
  /**
   * What is odd about what it presents now, and no reason to refuse it under the trust on record: above all
   * `expired`, where a policy with `allowExpired` excuses that. Those of `fetchPeerCertificate`.
   */
  readonly remarks: readonly Problem[];
  /** The one on record that the server is shown, whether it asks for it or not. */
  readonly clientCertificate: ShownClientCertificate | undefined;
  /** The files that the record names. */
  readonly sources: readonly RecordFile[];
  /**
   * Why what they hold cannot be used now, in this process. Connections that were made before go on, so that a server
   * may be `ok` all the same.
   */
  readonly sourceError: TlsConfigError | undefined;
  /** Of the whole check. */
  readonly durationMs: number;
  /**
   * Why it is not ok. `code` is set where the reason is one of ours. Where neither transport was spoken, the
   * answer to streamable HTTP.
   */
  readonly error: unknown;
  readonly code: ErrorCode | undefined;
}

/**
 * What a registry of this process has open at one moment: counts, over all servers. Probes (registrations, the look of
 * a check, the scan of a watch) are not among them. After `close()` all are 0.
 */
export interface RegistryStats extends FactoryStats {
  /** Servers with connections, or with transports that hold them; at most `maxPools`. Not those registered: `list`. */
  readonly servers: number;
  /** Watches that are open. */
  readonly watches: number;
}

/** A certificate in a file, for programs that take it only so. */
export interface CertificateFile extends AsyncDisposable {
  /** Of a PEM file with the certificate. Read once. */
  readonly path: string;
  /** Removes the file. */
  close(): Promise<void>;
}

/**
 * The servers of a gateway: whom to trust is decided once for each, kept in a store, and held by every
 * connection that is made by id. Ids are any strings of up to 128 bytes.
 *
 * Every request reads the record through the store (from its cache), so that a change or revocation by
 * another process takes hold as soon as the store shows it, also for transports that exist already.
 */
export interface ServerRegistry extends AsyncDisposable {
  /** Reads what a server presents. Trusts and stores nothing. See `fetchPeerCertificate`. */
  inspect(url: string | URL, options?: InspectOptions): Promise<PeerCertificate>;
  /**
   * Connects once, has what the server presents approved, and stores the trust that follows from it:
   * trust that was judged with that very handshake. A server that the default roots trust needs no
   * approval.
   *
   * @throws {ApprovalRequiredError} `MCP_TLS_APPROVAL_REQUIRED`, `MCP_TLS_FINGERPRINT_MISMATCH`
   * @throws {RegistryError} `MCP_TLS_ALREADY_REGISTERED`; `MCP_TLS_NOT_REGISTERED` if it was revoked
   *   meanwhile
   * @throws {TlsConnectionError} if the server cannot be reached
   * @throws {TlsTrustError} if no trust holds for it
   */
  register(id: string, url: string | URL, options?: RegisterOptions): Promise<RegisteredServer>;
  /**
   * For requests of one's own. A body that is still being read `idleMs` after its request is cut off;
   * transports keep their connections until they are closed.
   *
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`
   */
  clientFactory(id: string): Promise<RegistryClientFactory>;
  /**
   * Looks at the certificate that the server presents now. One that the trust on record covers (the same
   * key under `'key'`, a backup pin) goes on record without approval. Any other needs approval, and is
   * trusted in the same way as its predecessor was, in its place.
   *
   * @throws {ApprovalRequiredError} with the certificate on record in `current`
   * @throws {TlsTrustError} for a server under an authority's trust that this no longer covers
   */
  renew(id: string, approval?: Approval): Promise<Renewal>;
  /**
   * Ends the server's connections at once and deletes its record. Waits for nothing: a registration,
   * renewal, update or open approval of the same id that is under way fails.
   *
   * @returns whether there was a record
   */
  revoke(id: string): Promise<boolean>;
  /**
   * Changes parts of a record. What concerns trust is judged over a connection before: a server on
   * record by its certificate that has since got a publicly trusted one moves to the roots by
   * `{ trust: null }`, and never by itself.
   */
  update(id: string, changes: ServerChanges): Promise<RegisteredServer>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  get(id: string): Promise<RegisteredServer>;
  /** Every record, those that cannot be used included, in the order of their ids; or a page of them. */
  list(options?: ServerListOptions): Promise<readonly RegistryEntry[]>;
  /** Asks the server for a sign of life in MCP, over the very connections that requests use. */
  check(id: string, options?: ServerCheckOptions): Promise<ServerCheck>;
  /**
   * Writes the certificate of a server, never a key, to a temporary file for a child process
   * (`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`). Removed when it is closed, when the server is revoked
   * or its approval expires, at `close()`, and when the process exits or is ended by a signal.
   *
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`, `MCP_TLS_FILE_REFUSED`
   */
  certificateFile(id: string, options?: CertificateFileOptions): Promise<CertificateFile>;
  /**
   * Reports what happens to the servers, by `for await` or `on`. While there is a watch,
   * each server is connected to once every `intervalMs` by one of the processes that share the store.
   *
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
   */
  watch(options?: WatchOptions): RegistryWatch;
  /** For a metrics endpoint: sums what is in memory, and waits for nothing. */
  stats(): RegistryStats;
  /**
   * Ends watches, timers, files and, after `graceMs`, connections. The store stays open. Calls over the
   * old SSE transport are answered over its standing stream, and are not waited for.
   */
  close(options?: CloseOptions): Promise<void>;
}
