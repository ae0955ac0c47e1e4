import type { CertificateDescription } from '../certificate/describe-certificate.js';
import { type ApprovalErrorCode, McpTlsError } from '../errors.js';
import { atHost } from './connection-error.js';
import type { PeerCertificate } from './peer-certificate.js';

/** What an {@link ApprovalRequiredError} carries besides its code. */
export interface ApprovalDetails {
  /** The server, by the host application's id; absent where it has none yet. */
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
  readonly id: string | undefined;
  /** What the server presents now, and what is wrong with it. */
  declare readonly peer: PeerCertificate;
  /** The certificate on record, where there is one: to be shown beside `peer`. */
  readonly current: CertificateDescription | undefined;
  /** Whether `peer` has the key of `current`. */
  readonly sameKey: boolean | undefined;
  /** The fingerprint or pin that was given. */
  readonly expectedFingerprint: string | undefined;

  constructor({ id, peer, current, expectedFingerprint }: ApprovalDetails) {
    const mismatch = expectedFingerprint !== undefined;
    const { host, port, description } = peer;
    const name = description.subject || 'no subject';
    super(
      [
        `${atHost(host, port)} presents ${name} [SHA-256 ${description.fingerprint}]`,
        mismatch ? `; expected was ${expectedFingerprint}` : ', which nobody has approved',
        current === undefined ? '' : `; on record is ${current.fingerprint}`,
      ].join(''),
    );
    this.code = mismatch ? 'MCP_TLS_FINGERPRINT_MISMATCH' : 'MCP_TLS_APPROVAL_REQUIRED';
    this.id = id;
    // Not listed, so that no log or JSON of the error holds certificates as PEM.
    Object.defineProperty(this, 'peer', { value: peer });
    this.current = current;
    this.sameKey = current && current.spkiPin === description.spkiPin;
    this.expectedFingerprint = expectedFingerprint;
  }
}
