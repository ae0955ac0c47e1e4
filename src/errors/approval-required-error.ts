import type { CertificateDescription } from '../certificate/describe-certificate.js';
import type { PeerCertificate } from '../connect/peer-certificate.js';
import { hasBrand } from './brand.js';
import type { ApprovalErrorCode } from './codes.js';
import { type ErrorJson, McpTlsError, plain } from './mcp-tls-error.js';
import { APPROVAL_WORDS } from './words/registry-words.js';

/** What an {@link ApprovalRequiredError} carries in addition to its code. */
export interface ApprovalDetails {
  readonly id?: string | undefined;
  readonly peer: PeerCertificate;
  readonly current?: CertificateDescription | undefined;
  readonly expectedFingerprint?: string | undefined;
}

/**
 * A certificate that nobody has approved (`MCP_TLS_APPROVAL_REQUIRED`), or another than the expected
 * one (`MCP_TLS_FINGERPRINT_MISMATCH`). Nothing was stored. It carries what to show to the person who
 * is to decide; call again with `expectFingerprint: error.peer.description.fingerprint` when they
 * approved.
 */
export class ApprovalRequiredError extends McpTlsError {
  override readonly name = 'ApprovalRequiredError';
  readonly code: ApprovalErrorCode;
  /** The server, by the host application's id; `undefined` where it has none yet. */
  readonly id: string | undefined;
  /** What the server presents now, and what is wrong with it. */
  declare readonly peer: PeerCertificate;
  /** The certificate on record, where there is one: to be shown beside `peer`. */
  readonly current: CertificateDescription | undefined;
  /** Whether `peer` has the key of `current`. */
  readonly sameKey: boolean | undefined;
  /** The fingerprint or pin that was given. */
  readonly expectedFingerprint: string | undefined;

  static override [Symbol.hasInstance](value: unknown): value is ApprovalRequiredError {
    return hasBrand(value, 'ApprovalRequiredError');
  }

  constructor(code: ApprovalErrorCode, message: string, details: ApprovalDetails) {
    const { id, peer, current, expectedFingerprint } = details;
    const { hint } = APPROVAL_WORDS[code];
    super('ApprovalRequiredError', message, { hint, refused: true, retryable: false });
    this.code = code;
    this.id = plain(id);
    // Not listed, so that no log or JSON of the error holds certificates as PEM.
    Object.defineProperty(this, 'peer', { value: peer });
    this.current = current;
    this.sameKey = current && current.spkiPin === peer.description.spkiPin;
    this.expectedFingerprint = expectedFingerprint;
  }

  override toJSON(): ErrorJson {
    const { host, port, description } = this.peer;
    const expected = this.expectedFingerprint ?? this.current?.fingerprint;
    const presented = description.fingerprint;
    return {
      ...super.toJSON(),
      host,
      port,
      presented,
      ...(expected === undefined ? {} : { expected }),
    };
  }
}
