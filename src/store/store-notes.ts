import { createHash } from 'node:crypto';
import { StoreError } from '../errors.js';
import { type EnvelopeContext, open, seal } from './envelope.js';
import type { KeyRing } from './key-ring.js';
import { pauseAfterRace } from './pause-after-race.js';
import { digestOf } from './row-digests.js';
import { replaceOrWrite, type StoreBackend } from './store-backend.js';

/**
 * Small sealed texts beside the records, for what processes that share a store agree on: who does a
 * job, and what came of it. No record: not listed, without history, and never a reason to trust.
 */
export interface StoreNotes {
  /** The values of `names`, JSON data. `undefined`: there is none, or none that can be read. */
  read(names: readonly string[]): Promise<readonly unknown[]>;
  /**
   * Replaces a value by what `change` makes of it; `undefined` leaves it. In one step, where the
   * backend has compare-and-set: `change` is called again when another process was faster.
   *
   * @returns whether it was replaced
   * @throws {StoreError} those of the backend, and `MCP_TLS_STORE_CONFLICT`
   */
  update(name: string, change: (old: unknown) => unknown): Promise<boolean>;
}

const MAX_ATTEMPTS = 20;

interface OpenedNote {
  readonly row: string;
  readonly value: unknown;
  /** Of the row, once it was needed. */
  digest?: string;
}

/** Outside the alphabet of record keys, as the marker's is. */
const PREFIX = '1note-';

/** Whether a backend's key is a note's. */
export const isNoteKey = (key: string): boolean => key.startsWith(PREFIX);

export function makeStoreNotes(
  backend: StoreBackend,
  ring: KeyRing,
  namespace: string,
): StoreNotes {
  /** What a row held: notes are read often and change rarely. */
  const opened = new Map<string, OpenedNote>();

  /** The rows of notes, without reading again those that are as they were. */
  async function rowsOf(names: readonly string[]): Promise<readonly (string | undefined)[]> {
    const same = new Map<string, string>();
    const held = backend.digests === undefined ? [] : names.filter((name) => opened.has(name));
    if (held.length > 0) {
      const digests = await backend.digests?.(held.map(keyOf));
      for (const [i, name] of held.entries()) {
        const note = opened.get(name) as OpenedNote;
        note.digest ??= digestOf(note.row);
        if (digests?.[i] === note.digest) same.set(name, note.row);
      }
    }
    const rest = names.filter((name) => !same.has(name));
    const rows = rest.length === 0 ? [] : await backend.read(rest.map(keyOf));
    const read = new Map(rest.map((name, i) => [name, rows[i]]));
    return names.map((name) => same.get(name) ?? read.get(name));
  }

  async function readRow(name: string, row: string | undefined): Promise<unknown> {
    if (row === undefined) return undefined;
    const known = opened.get(name);
    if (known?.row === row) return known.value;
    try {
      const { value } = await open(ring, contextOf(name), row);
      opened.set(name, { row, value });
      return value;
    } catch (error) {
      // Damaged, or of a retired key: worth no more than none, and written anew. A key that cannot
      // be had just now is another matter.
      if (!(error instanceof StoreError) || error.code === 'MCP_TLS_STORE_UNAVAILABLE') throw error;
      return undefined;
    }
  }

  const contextOf = (id: string): EnvelopeContext => ({ namespace, kind: 'note', id });

  return {
    async read(names) {
      const rows = await rowsOf(names);
      return Promise.all(names.map((name, i) => readRow(name, rows[i])));
    },
    async update(name, change) {
      const key = keyOf(name);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const [row] = await backend.read([key]);
        const value = change(await readRow(name, row));
        if (value === undefined) return false;
        const now = Date.now();
        const sealed = await seal(ring, contextOf(name), { revision: now, sealedAt: now, value });
        if (await replaceOrWrite(backend, key, row, sealed)) {
          opened.set(name, { row: sealed, value });
          return true;
        }
        await pauseAfterRace(attempt);
      }
      const message = `the note '${name}' was written by others ${MAX_ATTEMPTS} times meanwhile`;
      throw new StoreError('MCP_TLS_STORE_CONFLICT', message);
    },
  };
}

/** Of fixed length and in hex, which is a file name and a Redis key everywhere. */
function keyOf(name: string): string {
  return PREFIX + createHash('sha256').update(name).digest('hex').slice(0, 32);
}
