import type { ApprovalErrorCode, RegistryErrorCode } from '../codes.js';
import type { Words } from './words.js';

export const REGISTRY_WORDS: Readonly<Record<RegistryErrorCode, Words>> = {
  MCP_TLS_NOT_REGISTERED: {
    meaning: 'there is no server of that id: never registered, or revoked',
    hint: 'Register it.',
  },
  MCP_TLS_ALREADY_REGISTERED: {
    meaning: 'there is a server of that id already',
    hint: 'Take another id, or give `replace: true`.',
  },
  MCP_TLS_FILE_REFUSED: {
    meaning: 'a certificate cannot be written to a temporary file',
    hint: 'Give `directory`, one that this process may write to.',
  },
};

export const APPROVAL_WORDS: Readonly<Record<ApprovalErrorCode, Words>> = {
  MCP_TLS_APPROVAL_REQUIRED: {
    meaning: 'nobody has approved the certificate that the server presents now',
    hint: 'Show `peer` (and `current`) to a person who compares the fingerprint out of band; then call again with `expectFingerprint`.',
  },
  MCP_TLS_FINGERPRINT_MISMATCH: {
    meaning: 'the server presents another certificate or key than the expected one',
    hint: 'Compare the presented fingerprint with the operator of the server out of band; if it is not theirs, somebody else answers.',
  },
};
