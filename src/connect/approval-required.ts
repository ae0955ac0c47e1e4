import { brief } from '../certificate/printable.js';
import type { ApprovalDetails } from '../errors/approval-required-error.js';
import { ApprovalRequiredError } from '../errors.js';
import { atHost } from './connection-error.js';

/** For a certificate that nobody has approved, or that is another than the expected one. */
export function approvalRequired(details: ApprovalDetails): ApprovalRequiredError {
  const { peer, current, expectedFingerprint } = details;
  const { host, port, description } = peer;
  const name = brief(description.subject) || 'no subject';
  const presented = `${atHost(host, port)} presents ${name} [SHA-256 ${description.fingerprint}]`;
  const onRecord = current === undefined ? '' : `; on record is ${current.fingerprint}`;
  return expectedFingerprint === undefined
    ? new ApprovalRequiredError(
        'MCP_TLS_APPROVAL_REQUIRED',
        `${presented}, which nobody has approved${onRecord}`,
        details,
      )
    : new ApprovalRequiredError(
        'MCP_TLS_FINGERPRINT_MISMATCH',
        `${presented}; expected was ${expectedFingerprint}${onRecord}`,
        details,
      );
}
