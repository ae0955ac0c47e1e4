import { StoreError } from '../errors.js';
import { type EnvelopeContext, type SealedContent, sealBy } from './envelope.js';
import type { GcmKey } from './gcm-key.js';
import type { KeyRing } from './key-ring.js';
import type { KnownRevision } from './known-revisions.js';
import { recordKey } from './record-key.js';
import { digestOf } from './row-digests.js';
import type { StoreBackend } from './store-backend.js';

/** What a list says of a record. */
type State = Pick<KnownRevision, 'revision' | 'live'>;

/**
 * The head of a row, which a backend keeps beside it: what a list says of the record, with a code that only a
 * holder of the key can make, over the digest of the row too. So it is believed for this very row, and no other.
 */
export function headOf(
  key: GcmKey,
  context: EnvelopeContext,
  row: string,
  { revision, live }: State,
): string {
  const code = key.codeOf(signedOf(key.id, context, digestOf(row), revision, live));
  return `${key.id} ${revision} ${live ? 'live' : 'gone'} ${code}`;
}

/** A row, and its head where the backend keeps one. */
export function sealRow(
  key: GcmKey,
  context: EnvelopeContext,
  content: SealedContent,
  { heads }: StoreBackend,
): { readonly row: string; readonly head: string | undefined } {
  const row = sealBy(key, context, content);
  const state = { revision: content.revision, live: content.value !== null };
  return { row, head: heads && headOf(key, context, row, state) };
}

const HEAD = /^([\w.-]{1,4096}) (\d{1,16}) (live|gone) ([\w-]{22})$/;

const signedOf = (
  keyId: string,
  { namespace, kind, id }: EnvelopeContext,
  digest: string,
  revision: number,
  live: boolean,
): string => `${digest} ${keyId} ${revision} ${live} ${namespace} ${kind} ${id}`;

/**
 * The records of which the backend shows by their heads what a list needs: to open a row takes five times as
 * long, and so does fetching it whole.
 *
 * Only what is authentic is given. Whatever else there is (no row, one without a head or with another's, a key
 * that is unknown or that its provider does not give, a row that was changed) is left out, for whoever reads the
 * row to find: a head may name any key.
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
  const parts = heads.map((one) => HEAD.exec(one?.head ?? ''));
  // Not for each row: nearly all of them have the same.
  const keys = await keysOf(ring, new Set(parts.flatMap((part) => part?.[1] ?? [])));
  for (const [i, id] of ids.entries()) {
    const [, keyId = '', text, state, code = ''] = parts[i] ?? [];
    const digest = heads[i]?.digest ?? '';
    const [revision, live] = [Number(text), state === 'live'];
    const key = keys.get(keyId);
    if (key === undefined) continue;
    const signed = signedOf(keyId, contextOf(id), digest, revision, live);
    if (key.isCodeOf(code, signed)) found.set(id, { revision, live, digest });
  }
  return found;
}

/** A key provider is asked for so many at once: each may be a call to a KMS. */
const ASKED_AT_ONCE = 16;

/** Those that are to be had. Of a provider that fails once, no more are asked for: it may be down. */
async function keysOf(
  ring: KeyRing,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, GcmKey>> {
  const keys = new Map<string, GcmKey>();
  const left = ids.values();
  let isFailing = false;
  async function askOn(): Promise<void> {
    for (const id of left) {
      try {
        keys.set(id, await ring.reader(id));
      } catch (error) {
        isFailing ||= !(error instanceof StoreError && error.code === 'MCP_TLS_STORE_UNKNOWN_KEY');
      }
      if (isFailing) return;
    }
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askOn));
  return keys;
}
