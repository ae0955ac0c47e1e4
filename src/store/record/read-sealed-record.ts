import { StoreError } from '../../errors.js';
import { type CertificateReader, parseSealedCertificate } from './parse-stored-certificate.js';
import type { StoredCertificate } from './stored-certificate.js';

/**
 * What was in an envelope of ours. If it is no record, another version wrote it.
 *
 * @throws {StoreError} `MCP_TLS_STORE_INVALID_RECORD`
 */
export function readSealedRecord(
  id: string,
  value: unknown,
  read?: CertificateReader,
): StoredCertificate {
  try {
    return parseSealedCertificate(value, read);
  } catch (cause) {
    const message = `the record '${id}' is not one that this version understands: ${(cause as Error).message}`;
    throw new StoreError('MCP_TLS_STORE_INVALID_RECORD', message, { id, cause });
  }
}
