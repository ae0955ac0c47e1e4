import { Buffer } from 'node:buffer';
import { derKind } from './der-kind.js';
import { invalidCertificate } from './invalid-certificate.js';
import type { PlainPem } from './pem.js';
import { decodeBody, pemBlocks } from './pem-blocks.js';

/** Lists of public authorities reach some MB; a private one's has some KB. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads one or more certificate revocation lists, PEM or DER, and nothing else: what would be
 * ignored would not revoke.
 *
 * @returns one PEM block a list
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function readRevocationLists(input: PlainPem): readonly string[] {
  const items = Array.isArray(input) ? input : [input as string | Uint8Array];
  const lists = items.flatMap(readItem);
  if (lists.length === 0) invalidCertificate('Expected a revocation list (CRL), found nothing');
  return lists;
}

function readItem(item: string | Uint8Array): string[] {
  if (typeof item !== 'string' && !ArrayBuffer.isView(item)) {
    invalidCertificate('Expected a revocation list (CRL) as a string or a Uint8Array');
  }
  if (item.length > MAX_BYTES) invalidCertificate('Revocation lists of more than 16 MiB');
  if (typeof item !== 'string' && item[0] === 0x30) return [toPem(item)];
  const text = typeof item === 'string' ? item : Buffer.from(item).toString('latin1');
  const blocks = pemBlocks(text);
  if (blocks.length === 0)
    invalidCertificate('Expected a revocation list (CRL), found no PEM block');
  return blocks.map((block) => toPem(decodeBody(block)));
}

function toPem(der: Uint8Array): string {
  const kind = derKind(der) ?? 'something else';
  if (kind !== 'a certificate revocation list (CRL)') {
    invalidCertificate(`Expected a revocation list (CRL), found ${kind}`);
  }
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n');
}
