import { StoreError } from '../errors.js';
import type { KnownRevision } from './known-revisions.js';
import { recordId } from './record-key.js';

export function expired(id: string): StoreError {
  const message = `the time that the record '${id}' was approved for is over`;
  return new StoreError('MCP_TLS_STORE_EXPIRED', message, { id });
}

export function conflict(id: string, what: string): StoreError {
  return new StoreError('MCP_TLS_STORE_CONFLICT', `the record '${id}' ${what}`, { id });
}

export function rolledBack(id: string, revision: number, before: number): StoreError {
  const message = `the record '${id}' is older than one that was read before (revision ${revision} after ${before})`;
  return new StoreError('MCP_TLS_STORE_ROLLED_BACK', message, { id });
}

export function vanished(id: string): StoreError {
  const message = `the record '${id}' is gone, and was not deleted through the store`;
  return new StoreError('MCP_TLS_STORE_VANISHED', message, { id });
}

/** @throws {StoreError} `MCP_TLS_STORE_TAMPERED` for a key that no record of ours has */
export function idOfKey(key: string): string {
  const id = recordId(key);
  if (id !== undefined) return id;
  throw new StoreError(
    'MCP_TLS_STORE_TAMPERED',
    `a key among the records is not a record: '${key.slice(0, 64)}'`,
  );
}

/**
 * Whether the row is the one that was read, by the same judgement: what `read` refuses is not written
 * over by whoever says that he read it.
 */
export function assertRevision(
  id: string,
  there: number | undefined,
  before: KnownRevision | undefined,
  expected: number,
): void {
  if (there === undefined && before?.live) throw vanished(id);
  if (there !== undefined && before !== undefined && there < before.revision) {
    throw rolledBack(id, there, before.revision);
  }
  const revision = there ?? before?.revision ?? 0;
  if (revision !== expected) {
    throw conflict(id, `was changed meanwhile (revision ${revision}, not ${expected})`);
  }
}
