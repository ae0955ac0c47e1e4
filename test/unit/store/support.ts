import { randomBytes } from 'node:crypto';
import type { StoredCertificate, StoredCertificateInput } from '../../../src/index.js';
import { createStoredCertificate } from '../../../src/store/index.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';

/** One certificate for all tests of a file: making one takes milliseconds. */
export const aCertificate: HeldCertificate = await heldCertificate();

export function aRecord(fields: Partial<StoredCertificateInput> = {}): StoredCertificate {
  const url = 'https://mcp.example/mcp';
  return createStoredCertificate({ url, trust: aCertificate.pem, ...fields });
}

export const aKey = (id = 'k1'): { id: string; key: Buffer } => ({ id, key: randomBytes(32) });

/** The code that a promise rejects with; what it resolves with, in words, if it does not. */
export async function codeOf(promise: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    const value = await (typeof promise === 'function' ? promise() : promise);
    return value === undefined ? 'MISS' : `got ${JSON.stringify(value)?.slice(0, 80)}`;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}
