/**
 * Every code of every error, by the class that has it. What each means and what to do stands once, in
 * `words/`; docs/errors.md is made from that.
 *
 * The unions may grow in a minor release: keep a `default`. A code never changes its class.
 */

/** Mistakes of the caller, and of the installation. */
export type ConfigErrorCode =
  | 'MCP_TLS_INVALID_ARGUMENT'
  | 'MCP_TLS_INVALID_CERTIFICATE'
  | 'MCP_TLS_UNSUPPORTED_ALGORITHM'
  | 'MCP_TLS_SOURCE_UNUSABLE'
  | 'MCP_TLS_UNSUPPORTED_RUNTIME'
  | 'MCP_TLS_CLOSED';

/** The server answered and is not to be trusted, or the request was not to be sent: a person has to look. */
export type TrustErrorCode =
  | 'MCP_TLS_UNKNOWN_ISSUER'
  | 'MCP_TLS_SELF_SIGNED'
  | 'MCP_TLS_INCOMPLETE_CHAIN'
  | 'MCP_TLS_NAME_MISMATCH'
  | 'MCP_TLS_PIN_MISMATCH'
  | 'MCP_TLS_REVOKED'
  | 'MCP_TLS_CRL_UNUSABLE'
  | 'MCP_TLS_EXPIRED'
  | 'MCP_TLS_NOT_YET_VALID'
  | 'MCP_TLS_WRONG_USAGE'
  | 'MCP_TLS_WEAK'
  | 'MCP_TLS_CHAIN_REFUSED'
  | 'MCP_TLS_REDIRECT_REFUSED'
  | 'MCP_TLS_PLAIN_HTTP_REFUSED'
  | 'MCP_TLS_ADDRESS_REFUSED';

/**
 * No usable connection: the network, the proxy, the server's software or its authorization, or our own client
 * certificate.
 */
export type ConnectionErrorCode =
  | 'MCP_TLS_UNREACHABLE'
  | 'MCP_TLS_TIMEOUT'
  | 'MCP_TLS_NOT_TLS'
  | 'MCP_TLS_PROTOCOL_MISMATCH'
  | 'MCP_TLS_HANDSHAKE_FAILED'
  | 'MCP_TLS_BAD_ANSWER'
  | 'MCP_TLS_UNAUTHORIZED'
  | 'MCP_TLS_PROXY_FAILED'
  | 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'
  | 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED';

/**
 * A record could not be read or written. None of them ever means "there is no such record": that, and only
 * that, is `undefined`.
 */
export type StoreErrorCode =
  | 'MCP_TLS_STORE_UNAVAILABLE'
  | 'MCP_TLS_STORE_TIMEOUT'
  | 'MCP_TLS_STORE_OUTCOME_UNKNOWN'
  | 'MCP_TLS_STORE_REFUSED'
  | 'MCP_TLS_STORE_CONFLICT'
  | 'MCP_TLS_STORE_EMPTIED'
  | 'MCP_TLS_STORE_VANISHED'
  | 'MCP_TLS_STORE_EVICTING'
  | 'MCP_TLS_STORE_ROLLED_BACK'
  | 'MCP_TLS_STORE_TAMPERED'
  | 'MCP_TLS_STORE_UNKNOWN_KEY'
  | 'MCP_TLS_STORE_INVALID_RECORD'
  | 'MCP_TLS_STORE_EXPIRED';

/** What a registry will not do with a server, as long as nobody decides otherwise. */
export type RegistryErrorCode =
  | 'MCP_TLS_NOT_REGISTERED'
  | 'MCP_TLS_ALREADY_REGISTERED'
  | 'MCP_TLS_FILE_REFUSED';

/** What the server presents is to be looked at by a person first. */
export type ApprovalErrorCode = 'MCP_TLS_APPROVAL_REQUIRED' | 'MCP_TLS_FINGERPRINT_MISMATCH';

/** Every code of every error. May grow in a minor release: keep a `default`. */
export type ErrorCode =
  | ConfigErrorCode
  | TrustErrorCode
  | ConnectionErrorCode
  | StoreErrorCode
  | RegistryErrorCode
  | ApprovalErrorCode;
