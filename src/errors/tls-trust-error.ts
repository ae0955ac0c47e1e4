import { hasBrand } from './brand.js';
import type { TrustErrorCode } from './codes.js';
import { McpTlsError, plain } from './mcp-tls-error.js';

/** What a {@link TlsTrustError} carries in addition to its code. */
export interface TrustErrorDetails {
  readonly host: string;
  readonly port: number;
  readonly expected?: string | undefined;
  readonly presented?: string | undefined;
  readonly hint?: string | undefined;
  readonly detail?: string | undefined;
  readonly id?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The server answered and is not to be trusted, or what was asked for would have left its trust, for the
 * reason in `code`. Nothing of the request was sent. A person has to look: `refused` is true.
 */
export class TlsTrustError extends McpTlsError {
  override readonly name = 'TlsTrustError';
  readonly code: TrustErrorCode;
  /** Host of the URL that was asked for. */
  readonly host: string;
  readonly port: number;
  /** What would have been accepted, ready to paste: a name, the fingerprints of anchors, a pin. */
  readonly expected: string | undefined;
  /** What the server presented, ready to paste. */
  readonly presented: string | undefined;
  /** The code of Node.js or OpenSSL behind ours, such as `CERT_HAS_EXPIRED`. */
  readonly detail: string | undefined;
  /** Of the registered server whose client made the request; `undefined` outside of a registry. */
  readonly id: string | undefined;

  static override [Symbol.hasInstance](value: unknown): value is TlsTrustError {
    return hasBrand(value, 'TlsTrustError');
  }

  constructor(code: TrustErrorCode, message: string, details: TrustErrorDetails) {
    super('TlsTrustError', message, { ...details, refused: true, retryable: false });
    this.code = code;
    this.host = plain(details.host);
    this.port = details.port;
    this.expected = plain(details.expected);
    this.presented = plain(details.presented);
    this.detail = plain(details.detail);
    this.id = plain(details.id);
  }
}
