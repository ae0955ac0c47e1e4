import { hasBrand } from './brand.js';
import type { ConnectionErrorCode } from './codes.js';
import { McpTlsError, plain } from './mcp-tls-error.js';

/** What a {@link TlsConnectionError} carries in addition to its code. */
export interface ConnectionErrorDetails {
  readonly host: string;
  readonly port: number;
  readonly hint?: string | undefined;
  readonly detail?: string | undefined;
  readonly id?: string | undefined;
  readonly cause?: unknown;
  /** Default: by the code. */
  readonly retryable?: boolean;
  /** For a proxy whose certificate is refused. Default false. */
  readonly refused?: boolean;
}

/** What often passes by itself. */
const RETRYABLE: ReadonlySet<ConnectionErrorCode> = new Set<ConnectionErrorCode>([
  'MCP_TLS_UNREACHABLE',
  'MCP_TLS_TIMEOUT',
  'MCP_TLS_PROXY_FAILED',
]);

/**
 * There is no usable connection, for the reason in `code`: the network, the proxy, the software of the
 * server, or our own client certificate. Nothing that says anything against the server's trust.
 */
export class TlsConnectionError extends McpTlsError {
  override readonly name = 'TlsConnectionError';
  readonly code: ConnectionErrorCode;
  /** Host of the URL that was asked for. */
  readonly host: string;
  readonly port: number;
  /** The code of Node.js or OpenSSL behind ours, such as `ECONNREFUSED`. */
  readonly detail: string | undefined;
  /** Of the registered server whose client made the request; `undefined` outside of a registry. */
  readonly id: string | undefined;

  static override [Symbol.hasInstance](value: unknown): value is TlsConnectionError {
    return hasBrand(value, 'TlsConnectionError');
  }

  constructor(code: ConnectionErrorCode, message: string, details: ConnectionErrorDetails) {
    const { refused = false, retryable = RETRYABLE.has(code) } = details;
    super('TlsConnectionError', message, { ...details, refused, retryable });
    this.code = code;
    this.host = plain(details.host);
    this.port = details.port;
    this.detail = plain(details.detail);
    this.id = plain(details.id);
  }
}
