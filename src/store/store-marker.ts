import { randomUUID } from 'node:crypto';
import { StoreError } from '../errors.js';
import { type EnvelopeContext, open, seal } from './envelope.js';
import type { KeyRing } from './key-ring.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';
import { isNoteKey } from './store-notes.js';

/** Outside the alphabet of record keys. */
export const MARKER_KEY = '0marker';

/** Whether a backend's key is meant for a record. One that only looks like it is noticed later. */
export const isRecordKey = (key: string): boolean => key !== MARKER_KEY && !isNoteKey(key);

/**
 * The sealed record that is always there. It is read together with every other: with it, the absence
 * of a record is an absence; without it, the store has been emptied, or is not the one it was.
 */
export interface StoreMarker {
  /** Judges what was read in the marker's place. @throws {StoreError} `MCP_TLS_STORE_EMPTIED` and those of `open` */
  check(row: string | undefined): Promise<void>;
  /** Makes the marker in a backend that holds nothing of this store. @returns whether it was made now */
  create(): Promise<boolean>;
  /** The same marker, sealed with the key that writes now. `undefined` if it is. */
  reseal(row: string): Promise<string>;
}

/**
 * Whether a listing can be all there is: the marker is always among it.
 *
 * @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE`
 */
export function assertWhole(keys: readonly string[]): void {
  if (keys.includes(MARKER_KEY)) return;
  const message = 'the list of records is incomplete: the marker of the store is not in it';
  throw new StoreError('MCP_TLS_STORE_UNAVAILABLE', message);
}

export function makeStoreMarker(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
): StoreMarker {
  const context: EnvelopeContext = { namespace, kind: 'marker', id: 'marker' };
  /** Opened before, so that it need not be for every read. */
  let known: { readonly row: string; readonly storeId: string } | undefined;

  async function check(row: string | undefined): Promise<void> {
    if (row === undefined) return emptied(known === undefined ? 'never' : 'since');
    if (row === known?.row) return;
    const { value } = await open(ring, context, row);
    const { storeId } = value as { storeId: string };
    if (known !== undefined && known.storeId !== storeId) return emptied('replaced');
    known = { row, storeId };
  }

  async function create(): Promise<boolean> {
    const [row] = await backend.read([MARKER_KEY]);
    if (row !== undefined) {
      await check(row);
      return false;
    }
    if (known !== undefined) return emptied('since');
    const records = (await backend.keys()).filter(isRecordKey);
    if (records.length > 0) {
      // Another process may have set it up since, and have written its first record.
      const [now] = await backend.read([MARKER_KEY]);
      if (now === undefined) return emptied('without marker');
      await check(now);
      return false;
    }
    const now = Date.now();
    const value = { storeId: randomUUID() };
    const sealed = await seal(ring, context, { revision: now, sealedAt: now, value });
    // Of several processes that start at once, one makes it. Where the backend cannot say which, the
    // last one does, and all take what is there then.
    const made = await replaceOrWrite(backend, MARKER_KEY, undefined, sealed);
    const [present] = await backend.read([MARKER_KEY]);
    await check(present);
    // A backend whose lists are empty though something is there may have held records before.
    assertWhole(await backend.keys());
    return made && present === sealed;
  }

  return {
    check,
    create,
    reseal: async (row) => seal(ring, context, await open(ring, context, row)),
  };

  function emptied(when: keyof typeof EMPTIED): never {
    throw new StoreError('MCP_TLS_STORE_EMPTIED', `the store '${namespace}' ${EMPTIED[when]}`);
  }
}

const EMPTIED = {
  never:
    'is not there: its contents are lost, or it was never set up. At installation, call initialize() once',
  since: 'has lost its contents since this process last read it',
  replaced: 'is another one than this process knows: it was emptied and set up anew',
  'without marker': 'has records and no marker: part of its contents is lost',
} as const;
