import type { CertificateDescription } from '../certificate/describe-certificate.js';
import { atHost } from '../connect/connection-error.js';
import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import { RegistryError } from '../errors.js';
import type { Problem } from '../trust/find-problems.js';

/** What an {@link ApprovalRequiredError} carries besides its code. */
export interface ApprovalDetails {
  readonly certificate: PeerCertificate;
  readonly current?: CertificateDescription | undefined;
  readonly expectedFingerprint?: string | undefined;
}

/**
 * A certificate that nobody has approved (`MCP_TLS_APPROVAL_REQUIRED`), or another than the expected
 * one (`MCP_TLS_FINGERPRINT_MISMATCH`). Nothing was stored. It carries what to show to the person who
 * is to decide; call again with `expectFingerprint: error.presented.fingerprint` when they approved.
 */
export class ApprovalRequiredError extends RegistryError {
  readonly host: string;
  readonly port: number;
  /** The certificate that the server presents now. */
  readonly presented: CertificateDescription;
  /** What is wrong with it under the default roots. */
  readonly problems: readonly Problem[];
  /** The certificate on record, where there is one: to be shown beside `presented`. */
  readonly current: CertificateDescription | undefined;
  /** Whether `presented` has the key of `current`. */
  readonly sameKey: boolean | undefined;
  /** The fingerprint or pin that was given. */
  readonly expectedFingerprint: string | undefined;

  constructor(id: string, { certificate, current, expectedFingerprint }: ApprovalDetails) {
    const mismatch = expectedFingerprint !== undefined;
    const code = mismatch ? 'MCP_TLS_FINGERPRINT_MISMATCH' : 'MCP_TLS_APPROVAL_REQUIRED';
    const { host, port, description } = certificate;
    const name = description.subject || 'no subject';
    super(
      code,
      [
        `${atHost(host, port)} presents ${name} [SHA-256 ${description.fingerprint}]`,
        mismatch ? `; expected was ${expectedFingerprint}` : ', which nobody has approved',
        current === undefined ? '' : `; on record is ${current.fingerprint}`,
      ].join(''),
      id,
    );
    this.host = host;
    this.port = port;
    this.presented = description;
    this.problems = certificate.problems;
    this.current = current;
    this.sameKey = current && current.spkiPin === description.spkiPin;
    this.expectedFingerprint = expectedFingerprint;
  }
}
