/**
 * Every error that mcp-tls throws on purpose.
 *
 * Classes are branded with `Symbol.for`, because the ESM and the CJS build (and two installed
 * copies) each have their own class objects: use {@link isMcpTlsError} or `error.code` rather than
 * `instanceof` when the error may come from another copy.
 *
 * No message or property ever holds a PEM body, a private key, a passphrase or a token, and no text that
 * a peer chose reaches a terminal or a log line as anything but itself: see {@link plain}.
 */

/** Mistakes of the caller: found at construction, before anything is sent. */
export type ConfigErrorCode =
  /** An option or a policy field is unknown, missing, empty or out of range. */
  | 'MCP_TLS_INVALID_ARGUMENT'
  /** The input is not exactly one certificate (or, where several are allowed, not only certificates). */
  | 'MCP_TLS_INVALID_CERTIFICATE'
  /** The certificate is well-formed, but this Node.js's OpenSSL cannot verify its signature algorithm. */
  | 'MCP_TLS_UNSUPPORTED_ALGORITHM'
  /** This installation or runtime cannot do it: a dependency does not load, a permission is denied. */
  | 'MCP_TLS_UNSUPPORTED_RUNTIME'
  /** The client or factory was used after `close()`. */
  | 'MCP_TLS_CLOSED';

/** What went wrong between us and the server. */
export type TrustErrorCode =
  /** The chain ends in an issuer that is no trust anchor. */
  | 'MCP_TLS_UNKNOWN_ISSUER'
  /** The server's certificate is self-signed and is not a trust anchor. */
  | 'MCP_TLS_SELF_SIGNED'
  /** The server does not send the intermediate certificate that leads to its issuer. */
  | 'MCP_TLS_INCOMPLETE_CHAIN'
  /** The certificate does not carry the reference identity (RFC 9525). */
  | 'MCP_TLS_NAME_MISMATCH'
  /** The certificate or its key is none of the pinned ones. */
  | 'MCP_TLS_PIN_MISMATCH'
  /** The certificate, or one above it, is on a revocation list. */
  | 'MCP_TLS_REVOKED'
  /** A revocation list that the policy demands is missing, out of date, or not signed by its authority. */
  | 'MCP_TLS_CRL_UNUSABLE'
  /** The certificate, or one above it, has expired. */
  | 'MCP_TLS_EXPIRED'
  /** The certificate, or one above it, is not valid yet. */
  | 'MCP_TLS_NOT_YET_VALID'
  /** The certificate may not be used for a TLS server (extended key usage, basic constraints ...). */
  | 'MCP_TLS_WRONG_USAGE'
  /** A key or a signature in the chain is too weak for OpenSSL's security level. */
  | 'MCP_TLS_WEAK'
  /** Any other reason for which OpenSSL refuses the chain; its own code is in `detail`. */
  | 'MCP_TLS_CHAIN_REFUSED'
  /** The server demands a client certificate and was given none. */
  | 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'
  /** The server refuses the client certificate that it was given. */
  | 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED'
  /** No TLS version, cipher suite or signature algorithm in common. */
  | 'MCP_TLS_PROTOCOL_MISMATCH'
  /** What answers at that port does not speak TLS. */
  | 'MCP_TLS_NOT_TLS'
  /** The proxy could not be reached, or refused to connect to the server. */
  | 'MCP_TLS_PROXY_FAILED'
  /** A limit of `timeout` was reached. */
  | 'MCP_TLS_TIMEOUT'
  /** It answered, and not in HTTP/1.1, or with more than may be taken. */
  | 'MCP_TLS_BAD_ANSWER'
  /** This process may not or cannot open a connection: a permission, or no descriptors left. */
  | 'MCP_TLS_UNSUPPORTED_RUNTIME'
  /** The host could not be resolved or reached, or the connection broke. */
  | 'MCP_TLS_UNREACHABLE'
  /** The TLS handshake failed in a way that has no code of its own; OpenSSL's code is in `detail`. */
  | 'MCP_TLS_HANDSHAKE_FAILED'
  /** The server redirected out of its origin, or in a way that would change the request. */
  | 'MCP_TLS_REDIRECT_REFUSED'
  /** An `http:` URL: nothing is ever sent in the clear. */
  | 'MCP_TLS_PLAIN_HTTP_REFUSED'
  /** The host application's `allowAddress` allows none of the addresses of the host. */
  | 'MCP_TLS_ADDRESS_REFUSED';

/**
 * What went wrong between us and the records. None of them ever means "there is no such record":
 * that, and only that, is `undefined`.
 */
export type StoreErrorCode =
  /** The backend cannot be reached, or failed. Nothing was read; nothing was written. */
  | 'MCP_TLS_STORE_UNAVAILABLE'
  /** The backend did not answer a read in time. */
  | 'MCP_TLS_STORE_TIMEOUT'
  /** A write was sent and no answer came: it may have happened, may not, or may happen later. */
  | 'MCP_TLS_STORE_OUTCOME_UNKNOWN'
  /** The backend refused the write (out of memory, read-only, disk full). Nothing was changed. */
  | 'MCP_TLS_STORE_REFUSED'
  /** The record was changed after it was read, or other writers were faster each time. Nothing was changed. */
  | 'MCP_TLS_STORE_CONFLICT'
  /** The store was never set up, or has lost its contents, or is another one than before. */
  | 'MCP_TLS_STORE_EMPTIED'
  /** A record that was there is gone, without having been deleted through the store. */
  | 'MCP_TLS_STORE_VANISHED'
  /** The backend is set to drop records when memory is short. */
  | 'MCP_TLS_STORE_EVICTING'
  /** A record is older than one that this process has seen in its place. */
  | 'MCP_TLS_STORE_ROLLED_BACK'
  /** A record is not what was sealed under this name: damaged, moved, planted, or of another key. */
  | 'MCP_TLS_STORE_TAMPERED'
  /** A record is sealed with a key that the key ring does not have, or has retired. */
  | 'MCP_TLS_STORE_UNKNOWN_KEY'
  /** A record opened, but its content is not one that this version understands. */
  | 'MCP_TLS_STORE_INVALID_RECORD'
  /** The time that a record was approved for is over. */
  | 'MCP_TLS_STORE_EXPIRED';

/** What the server presents is to be looked at by a person first. */
export type ApprovalErrorCode =
  /** Nobody has approved the certificate that the server presents now. */
  | 'MCP_TLS_APPROVAL_REQUIRED'
  /** The server presents another certificate or key than the one whose fingerprint was expected. */
  | 'MCP_TLS_FINGERPRINT_MISMATCH';

/** What a registry will not do with a server, as long as nobody decides otherwise. */
export type RegistryErrorCode =
  /** There is no server of that id: never registered, or revoked. */
  | 'MCP_TLS_NOT_REGISTERED'
  /** There is a server of that id, and `replace` was not given. */
  | 'MCP_TLS_ALREADY_REGISTERED'
  /** A certificate could not be written to a temporary file. */
  | 'MCP_TLS_FILE_REFUSED';

/** Every code of every error. Closed: adding a code is a minor release, removing one a major. */
export type ErrorCode =
  | ConfigErrorCode
  | TrustErrorCode
  | StoreErrorCode
  | RegistryErrorCode
  | ApprovalErrorCode;

const BRAND = Symbol.for('mcp-tls.error');

/** Control and format characters: they break lines, colour terminals, turn the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `text` with whatever does not print written as `\u{...}`. */
function plain<Text extends string | undefined>(text: Text): Text {
  return text?.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  ) as Text;
}

/** Base of all our errors. `code` tells them apart; the message is for people. */
export abstract class McpTlsError extends Error {
  abstract readonly code: ErrorCode;

  constructor(message: string, options?: ErrorOptions) {
    super(plain(message), options);
  }

  static {
    Object.defineProperty(McpTlsError.prototype, BRAND, { value: true });
  }
}

/** A mistake of the caller. Thrown at construction or at the call, never after a connection. */
export class TlsConfigError extends McpTlsError {
  override readonly name = 'TlsConfigError';
  readonly code: ConfigErrorCode;

  constructor(code: ConfigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a {@link TlsTrustError} carries besides its code. */
export interface TrustErrorDetails {
  /** Host of the URL that was asked for. */
  readonly host: string;
  readonly port: number;
  /** What would have been accepted, ready to paste: a name, anchors' fingerprints, a version. */
  readonly expected?: string | undefined;
  /** What the server showed, ready to paste. */
  readonly presented?: string | undefined;
  /** One sentence for the operator: what to run or to set. */
  readonly hint?: string | undefined;
  /** The code of Node.js or OpenSSL behind ours, such as `CERT_HAS_EXPIRED`. */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/** The connection was not made, or not used, for the reason in `code`. */
export class TlsTrustError extends McpTlsError {
  override readonly name = 'TlsTrustError';
  readonly code: TrustErrorCode;
  readonly host: string;
  readonly port: number;
  readonly expected: string | undefined;
  readonly presented: string | undefined;
  readonly hint: string | undefined;
  readonly detail: string | undefined;

  constructor(code: TrustErrorCode, message: string, details: TrustErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.host = plain(details.host);
    this.port = details.port;
    this.expected = plain(details.expected);
    this.presented = plain(details.presented);
    this.hint = plain(details.hint);
    this.detail = plain(details.detail);
  }
}

/** What a {@link StoreError} carries besides its code. */
export interface StoreErrorDetails {
  /** The record, by the host application's id. */
  readonly id?: string | undefined;
  /** The key that is named in the record's envelope. Never the key itself. */
  readonly keyId?: string | undefined;
  readonly cause?: unknown;
}

/** A record could not be read or written, for the reason in `code`. It says nothing about whether there is one. */
export class StoreError extends McpTlsError {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly id: string | undefined;
  readonly keyId: string | undefined;

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.id = plain(details.id);
    this.keyId = plain(details.keyId);
  }
}

/** What was asked of a registry was not done, for the reason in `code`. */
export class RegistryError extends McpTlsError {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  /** The server, by the host application's id. */
  readonly id: string;

  constructor(code: RegistryErrorCode, message: string, id: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.id = id;
  }
}

/** Any error of mcp-tls: `code` and `name` tell which. An `ApprovalRequiredError` has more fields. */
export type AnyMcpTlsError =
  | TlsConfigError
  | TlsTrustError
  | StoreError
  | RegistryError
  | (McpTlsError & { readonly name: 'ApprovalRequiredError'; readonly code: ApprovalErrorCode });

/** Whether `value` is an error of mcp-tls, of this copy or another. */
export function isMcpTlsError(value: unknown): value is AnyMcpTlsError {
  return typeof value === 'object' && value !== null && BRAND in value;
}
