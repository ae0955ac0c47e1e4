import { hash } from 'node:crypto';
import type { KnownRevision, KnownRevisions } from './known-revisions.js';
import { recordKey } from './record-key.js';
import type { StoreBackend } from './store-backend.js';

/** As a backend's `digests` gives it. */
export const digestOf = (row: string): string => hash('sha1', row);

/**
 * Which of the records need not be read again: a row that has the digest of the one that was opened last is
 * that row.
 *
 * It is the backend that says so, and it can do no more by it than without: whoever could have it answer with
 * an old digest could have it answer with the old row. A row that is another one and has the digest of a given
 * one cannot be made (it would take a second preimage), and would bring back what was in the old row at best.
 */
export async function unchangedOf(
  backend: StoreBackend,
  known: KnownRevisions,
  ids: readonly string[],
): Promise<ReadonlyMap<string, KnownRevision>> {
  const unchanged = new Map<string, KnownRevision>();
  if (backend.digests === undefined) return unchanged;
  const opened = ids
    .map((id) => [id, known.get(id)] as const)
    .filter((one): one is readonly [string, KnownRevision] => one[1]?.digest !== undefined);
  if (opened.length === 0) return unchanged;
  const digests = await backend.digests(opened.map(([id]) => recordKey(id)));
  for (const [i, [id, before]] of opened.entries()) {
    if (digests?.[i] === before.digest) unchanged.set(id, before);
  }
  return unchanged;
}
