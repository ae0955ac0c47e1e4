import { StoreError } from '../errors.js';
import { type EnvelopeContext, readHead } from './envelope.js';
import type { GcmKey } from './gcm-key.js';
import type { KeyRing } from './key-ring.js';
import type { KnownRevision } from './known-revisions.js';
import { recordKey } from './record-key.js';
import type { StoreBackend } from './store-backend.js';

/**
 * The records of which the backend shows by the heads of their rows what a list needs: to open a row takes five
 * times as long, and to fetch it whole too.
 *
 * Only what is authenticated is given. Whatever else there is (no row, one that was sealed without such a head,
 * another record's, an unknown key, anything that is none of ours) is left out, for whoever reads the row to find.
 *
 * @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE` if a key provider fails
 */
export async function readHeads(
  backend: StoreBackend,
  ring: KeyRing,
  contextOf: (id: string) => EnvelopeContext,
  ids: readonly string[],
): Promise<ReadonlyMap<string, KnownRevision>> {
  const found = new Map<string, KnownRevision>();
  const heads = ids.length === 0 ? undefined : await backend.heads?.(ids.map(recordKey));
  if (heads === undefined) return found;
  const keys = new Map<string, GcmKey | undefined>();
  for (const [i, id] of ids.entries()) {
    const row = heads[i];
    const header = row && readHead(contextOf(id), row.head);
    if (header === undefined) continue;
    const { keyId, state } = header;
    // Not for each row: nearly all of them have the same.
    if (!keys.has(keyId)) keys.set(keyId, await ring.reader(keyId).catch(unlessUnknown));
    if (!keys.get(keyId)?.isCodeOf(state.code, state.text)) continue;
    found.set(id, { revision: state.revision, live: !state.gone, digest: row?.digest });
  }
  return found;
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof StoreError && error.code === 'MCP_TLS_STORE_UNKNOWN_KEY') return undefined;
  throw error;
}
