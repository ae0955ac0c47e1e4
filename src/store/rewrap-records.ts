import { StoreError } from '../errors.js';
import { type EnvelopeContext, envelopeKeyId, open, seal } from './envelope.js';
import type { KeyRing } from './key-ring.js';
import { pauseAfterRace } from './pause-after-race.js';
import { idOfKey } from './sealed-records.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';
import { assertWhole, MARKER_KEY, type StoreMarker } from './store-marker.js';
import { isNoteKey } from './store-notes.js';

/** What {@link rewrapRecords} did. */
export interface RewrapReport {
  /** Rows looked at: records, deleted ones, and the marker. */
  readonly total: number;
  /** Sealed anew, with the key that writes. */
  readonly rewrapped: number;
  /** Were so already, or became so by another writer meanwhile. */
  readonly current: number;
  /** Could not be opened, and were left as they are. While there are any, retire no key. */
  readonly failed: readonly { readonly id: string; readonly error: StoreError }[];
  /**
   * `'atomic'`: no update of another process can have been lost. `'checked'`: the backend has no
   * compare-and-set; each row was compared just before it was written, and an update in between is
   * lost. Then stop other writers, or write again what they wrote.
   */
  readonly guard: 'atomic' | 'checked';
}

const MAX_ATTEMPTS = 12;

/**
 * Seals with the current key whatever is sealed with another. Content and revision stay.
 *
 * A key is changed in two phases: every process gets the new key, behind the old one; then every
 * process gets it in front; then rewrap; then the old key may go.
 */
export async function rewrapRecords(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
  marker: StoreMarker,
): Promise<RewrapReport> {
  const [markerRow] = await backend.read([MARKER_KEY]);
  await marker.check(markerRow);
  // Notes are written anew all the time, and one of a retired key is as good as none.
  const all = await backend.keys();
  assertWhole(all);
  const keys = all.filter((key) => !isNoteKey(key));
  let [rewrapped, current] = [0, 0];
  const failed: { id: string; error: StoreError }[] = [];
  for (const key of keys) {
    const id = key === MARKER_KEY ? 'marker' : idOfKey(key);
    try {
      if (await rewrapOne(key, id)) rewrapped++;
      else current++;
    } catch (error) {
      // What concerns this row only is counted; a backend that fails ends the sweep.
      if (!(error instanceof StoreError) || !OF_ONE_ROW.has(error.code)) throw error;
      failed.push({ id, error });
    }
  }
  const guard = backend.replace === undefined ? 'checked' : 'atomic';
  return { total: keys.length, rewrapped, current, failed, guard };

  async function rewrapOne(key: string, id: string): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [row] = await backend.read([key]);
      if (row === undefined) {
        throw new StoreError('MCP_TLS_STORE_VANISHED', `the record '${id}' is gone`, { id });
      }
      // Opened also if it needs no rewrapping: what cannot be opened is to be known before a key goes.
      const sealed = key === MARKER_KEY ? await marker.reseal(row) : await reseal(id, row);
      if (envelopeKeyId(row) === envelopeKeyId(sealed)) return false;
      if (await replaceIfSame(key, row, sealed)) return true;
      await pauseAfterRace(attempt);
    }
    const message = `the record '${id}' was written by others ${MAX_ATTEMPTS} times meanwhile`;
    throw new StoreError('MCP_TLS_STORE_CONFLICT', message, { id });
  }

  async function reseal(id: string, row: string): Promise<string> {
    const context: EnvelopeContext = { namespace, kind: 'record', id };
    return seal(ring, context, await open(ring, context, row));
  }

  async function replaceIfSame(key: string, row: string, sealed: string): Promise<boolean> {
    // Not in one step, where the backend has none.
    if (backend.replace === undefined && (await backend.read([key]))[0] !== row) return false;
    return replaceOrWrite(backend, key, row, sealed);
  }
}

const OF_ONE_ROW: ReadonlySet<string> = new Set([
  'MCP_TLS_STORE_TAMPERED',
  'MCP_TLS_STORE_UNKNOWN_KEY',
  'MCP_TLS_STORE_INVALID_RECORD',
  'MCP_TLS_STORE_VANISHED',
  'MCP_TLS_STORE_CONFLICT',
]);
