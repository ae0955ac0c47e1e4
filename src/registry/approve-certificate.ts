import { invalidArgument } from '../assert.js';
import type { CertificateDescription } from '../certificate/describe-certificate.js';
import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import { readPin } from '../trust/pin.js';
import { ApprovalRequiredError } from './approval-required-error.js';
import type { Approval, ApproveCertificate } from './server-registry.js';

export interface ApprovalRequest {
  readonly id: string;
  readonly certificate: PeerCertificate;
  /** The certificate on record. */
  readonly current: CertificateDescription | undefined;
  readonly approval: Approval;
  /** Of the whole registry; asked where the call brings no approval of its own. */
  readonly fallback: ApproveCertificate | undefined;
  /** Something else vouches already: nobody need be asked, but a given approval must still hold. */
  readonly vouchedFor: boolean;
}

/**
 * Resolves if the certificate is approved, and in no other way.
 *
 * @throws {ApprovalRequiredError}
 */
export async function approveCertificate(request: ApprovalRequest): Promise<void> {
  const { id, certificate, current, approval, fallback, vouchedFor } = request;
  const { expectFingerprint, approve, trustOnFirstUse } = approval;
  if (expectFingerprint !== undefined) {
    const pin = readPin(expectFingerprint);
    const { spkiPin, fingerprint } = certificate.description;
    if (pin.text === (pin.of === 'key' ? spkiPin : fingerprint)) return;
    const details = { certificate, current, expectedFingerprint: pin.text };
    throw new ApprovalRequiredError(id, details);
  }
  // "First use" is over where there is a certificate on record: a changed one is the very attack.
  if (trustOnFirstUse === true && current === undefined) return;
  const ask = approve ?? (vouchedFor ? undefined : fallback);
  if (ask === undefined && vouchedFor) return;
  // Anything but true refuses: a callback that forgets to return must not approve.
  if (ask !== undefined && (await ask(certificate, { id, current })) === true) return;
  throw new ApprovalRequiredError(id, { certificate, current });
}

/** Names of the fields, for those who check unknown keys. */
export const APPROVAL_FIELDS = [
  'expectFingerprint',
  'approve',
  'trustOnFirstUse',
  'approvedBy',
] as const;

/** Checked before anything is sent. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertApproval({ expectFingerprint, approve, trustOnFirstUse }: Approval): void {
  const given = [expectFingerprint, approve, trustOnFirstUse].filter((one) => one !== undefined);
  if (given.length > 1) {
    invalidArgument('expectFingerprint, approve and trustOnFirstUse exclude each other');
  }
  if (expectFingerprint !== undefined) readPin(expectFingerprint);
  if (approve !== undefined && typeof approve !== 'function') {
    invalidArgument('approve must be a function');
  }
  if (trustOnFirstUse !== undefined && trustOnFirstUse !== true) {
    invalidArgument('trustOnFirstUse must be true, or left out');
  }
}
