import type { CertificateDescription } from '../../certificate/describe-certificate.js';
import { approvalRequired } from '../../connect/approval-required.js';
import type { PeerCertificate } from '../../connect/peer-certificate.js';
import { pinMatches, readPin } from '../../trust/pin.js';
import type { Approval, ApproveCertificate } from './enrol-options.js';

export interface ApprovalRequest {
  readonly id: string;
  readonly peer: PeerCertificate;
  /** Whether there is a record, readable or not: then nothing is a first use. */
  readonly isKnown: boolean;
  /** The certificate on record. */
  readonly current: CertificateDescription | undefined;
  readonly approval: Approval;
  /** Of the whole registry; asked where the call brings no approval of its own. */
  readonly fallback: ApproveCertificate | undefined;
  /** A verdict of trust there is already: nobody need be asked, but a given approval must still hold. */
  readonly isTrusted: boolean;
}

/**
 * Resolves if the certificate is approved, and in no other way.
 *
 * @throws {ApprovalRequiredError}
 */
export async function approveCertificate(request: ApprovalRequest): Promise<void> {
  const { id, peer, isKnown, current, approval, fallback, isTrusted } = request;
  const { expectFingerprint, approve, trustOnFirstUse } = approval;
  if (expectFingerprint !== undefined) {
    const pin = readPin(expectFingerprint);
    if (pinMatches(pin, peer.description)) return;
    throw approvalRequired({ id, peer, current, expectedFingerprint: pin.text });
  }
  // "First use" is over where there is a record: a changed certificate is the very attack.
  if (trustOnFirstUse === true && !isKnown) return;
  const ask = approve ?? (isTrusted ? undefined : fallback);
  if (ask === undefined && isTrusted) return;
  // Anything but true refuses: a callback that forgets to return must not approve.
  if (ask !== undefined && (await ask(peer, { id, current })) === true) return;
  throw approvalRequired({ id, peer, current });
}
