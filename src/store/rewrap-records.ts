import { setImmediate } from 'node:timers/promises';
import { StoreError } from '../errors.js';
import {
  signal as abortSignal,
  type Declaration,
  declareOptions,
  func,
  readOptions,
} from '../options.js';
import { type EnvelopeContext, envelopeKeyId, open } from './envelope.js';
import type { KeyRing } from './key-ring.js';
import { pauseAfterRace } from './pause-after-race.js';
import { idOfKey } from './record-errors.js';
import { sealRow } from './record-heads.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';
import { assertWhole, MARKER_KEY, type StoreMarker } from './store-marker.js';
import { isNoteKey } from './store-notes.js';

/** What `rewrap()` did. */
export interface RewrapReport {
  /** Rows looked at: records, deleted ones, and the marker. */
  readonly total: number;
  /** Sealed anew, with the key that writes. */
  readonly rewrapped: number;
  /** Say in their header that they are so already, and were not opened; or became so by another writer meanwhile. */
  readonly current: number;
  /** Are sealed with another key, could not be opened, and were left as they are. While there are any, retire no key. */
  readonly failed: readonly { readonly id: string; readonly error: StoreError }[];
  /**
   * `'atomic'`: no update of another process can have been lost. `'checked'`: the backend has no
   * compare-and-set; each row was compared just before it was written, and an update in between is
   * lost. Then stop other writers, or write again what they wrote.
   */
  readonly guard: 'atomic' | 'checked';
}

/** Options of `store.rewrap`. */
export interface RewrapOptions {
  /**
   * Called from time to time with how many of the rows have been looked at. Waited for if it gives a promise;
   * if it fails, so does the call.
   */
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** Ends it between two rows, with the signal's reason. What was sealed anew stays so: the next one goes on there. */
  signal?: AbortSignal | undefined;
}

const OPTIONS: Declaration<RewrapOptions> = declareOptions<RewrapOptions>('store.rewrap: options', {
  onProgress: func(),
  signal: abortSignal(),
});

const BATCH = 200;
const MAX_ATTEMPTS = 12;

/**
 * Seals with the current key every record that is sealed with another. Content and revision stay.
 *
 * A key is changed in two phases: every process gets the new key, behind the old one; then every
 * process gets it in front; then rewrap; then the old key may go.
 */
export async function rewrapRecords(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
  marker: StoreMarker,
  options: RewrapOptions,
): Promise<RewrapReport> {
  const { onProgress, signal } = readOptions(OPTIONS, options);
  signal?.throwIfAborted();
  const [markerRow] = await backend.read([MARKER_KEY]);
  await marker.check(markerRow);
  // Notes are written anew all the time, and one of a retired key is as good as none.
  const all = await backend.keys();
  assertWhole(all);
  const keys = all.filter((key) => !isNoteKey(key));
  let [rewrapped, current] = [0, 0];
  const failed: { id: string; error: StoreError }[] = [];
  for (let done = 0; done < keys.length; done += BATCH) {
    const batch = keys.slice(done, done + BATCH);
    const rows = await backend.read(batch);
    for (const [i, key] of batch.entries()) {
      signal?.throwIfAborted();
      if (await isCurrent(rows[i])) current++;
      else await count(key);
    }
    // Over a map nothing else waits, and whoever sweeps again and again would let no timer of this process run.
    await setImmediate();
    await onProgress?.(Math.min(done + BATCH, keys.length), keys.length);
  }
  const guard = backend.replace === undefined ? 'checked' : 'atomic';
  return { total: keys.length, rewrapped, current, failed, guard };

  /** By its header alone: whether it can be opened does not depend on any other key. */
  async function isCurrent(row: string | undefined): Promise<boolean> {
    const keyId = row === undefined ? undefined : envelopeKeyId(row);
    return keyId !== undefined && (await unlessAborted(ring.isCurrent(keyId), signal));
  }

  async function count(key: string): Promise<void> {
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

  async function rewrapOne(key: string, id: string): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [row] = await backend.read([key]);
      if (row === undefined) {
        throw new StoreError('MCP_TLS_STORE_VANISHED', `the record '${id}' is gone`, { id });
      }
      // Another writer may have been here since.
      if (await isCurrent(row)) return false;
      const sealed = key === MARKER_KEY ? { row: await marker.reseal(row) } : await reseal(id, row);
      if (await replaceIfSame(key, row, sealed)) return true;
      await pauseAfterRace(attempt);
    }
    const message = `the record '${id}' was written by others ${MAX_ATTEMPTS} times meanwhile`;
    throw new StoreError('MCP_TLS_STORE_CONFLICT', message, { id });
  }

  async function reseal(id: string, row: string): Promise<ReturnType<typeof sealRow>> {
    const context: EnvelopeContext = { namespace, kind: 'record', id };
    return sealRow(await ring.writer(), context, await open(ring, context, row), backend);
  }

  async function replaceIfSame(
    key: string,
    row: string,
    sealed: { readonly row: string; readonly head?: string | undefined },
  ): Promise<boolean> {
    // Not in one step, where the backend has none.
    if (backend.replace === undefined && (await backend.read([key]))[0] !== row) return false;
    return replaceOrWrite(backend, key, row, sealed.row, sealed.head);
  }
}

/** What is given up may still fail, and then has nobody to report to. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const OF_ONE_ROW: ReadonlySet<string> = new Set([
  'MCP_TLS_STORE_TAMPERED',
  'MCP_TLS_STORE_UNKNOWN_KEY',
  'MCP_TLS_STORE_INVALID_RECORD',
  'MCP_TLS_STORE_VANISHED',
  'MCP_TLS_STORE_CONFLICT',
]);
