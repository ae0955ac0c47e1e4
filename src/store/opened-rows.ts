import { LRUCache } from 'lru-cache';
import { type EnvelopeContext, open, type SealedContent } from './envelope.js';
import type { KeyRing } from './key-ring.js';

/**
 * Rows of records as they were last opened. A text that has been opened before holds what it held then: it is
 * read from the backend each time, and decrypted and parsed only when it has changed. Most readings of a
 * gateway are of records that have not, every `cache.ttlMs`.
 */
export class OpenedRows {
  readonly #rows: LRUCache<string, { readonly row: unknown; readonly content: SealedContent }>;

  /** @param max rows that are held */
  constructor(max: number) {
    this.#rows = new LRUCache({ max });
  }

  /** As `open` of envelope.ts; the same object for the same text. @throws as it does, each time anew */
  async open(ring: KeyRing, context: EnvelopeContext, row: unknown): Promise<SealedContent> {
    const held = this.#rows.get(context.id);
    if (held !== undefined && held.row === row) return held.content;
    this.#rows.delete(context.id);
    const content = await open(ring, context, row);
    this.#rows.set(context.id, { row, content });
    return content;
  }
}
