import { type EnvelopeContext, open, type SealedContent } from './envelope.js';
import type { KeyRing } from './key-ring.js';
import type { KnownRevision } from './known-revisions.js';
import { once } from './once.js';
import { readHeads, sealRow } from './record-heads.js';
import { digestOf } from './row-digests.js';
import type { StoreBackend } from './store-backend.js';
import { MARKER_KEY, makeStoreMarker, type StoreMarker } from './store-marker.js';

/**
 * The rows of one namespace. Nothing is read without the marker in the same operation: the marker proves that the
 * other answers, absences included, are those of this store.
 */
export class ProvenRows {
  readonly marker: StoreMarker;
  readonly checkSettings: () => Promise<void>;
  readonly #ring: KeyRing;
  readonly #createWhenEmpty: boolean;

  constructor(
    readonly backend: StoreBackend,
    ring: KeyRing,
    readonly namespace: string,
    createWhenEmpty: boolean,
  ) {
    this.#ring = ring;
    this.#createWhenEmpty = createWhenEmpty;
    this.marker = makeStoreMarker(backend, ring, namespace);
    this.checkSettings = once(async () => backend.checkSettings?.());
  }

  /** One operation for all rows and the marker, so that one proves the others. */
  async read(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    await this.checkSettings();
    let rows = await this.backend.read([...keys, MARKER_KEY]);
    if (rows.at(-1) === undefined && this.#createWhenEmpty) {
      await this.marker.create();
      rows = await this.backend.read([...keys, MARKER_KEY]);
    }
    await this.marker.check(rows.at(-1));
    return rows;
  }

  /** See {@link readHeads}. */
  heads(ids: readonly string[]): Promise<ReadonlyMap<string, KnownRevision>> {
    return readHeads(this.backend, this.#ring, (id) => this.#contextOf(id), ids);
  }

  /** @throws {StoreError} with the id, if the row is not a record of this id, sealed with a key that is there */
  openAs<T>(
    id: string,
    row: string,
    openRow: (ring: KeyRing, context: EnvelopeContext, row: string) => Promise<T>,
  ): Promise<T> {
    return openRow(this.#ring, this.#contextOf(id), row);
  }

  open(id: string, row: string): Promise<SealedContent> {
    return this.openAs(id, row, open);
  }

  /** @returns the row, and its head where the backend keeps one */
  async seal(
    id: string,
    content: SealedContent,
  ): Promise<{ readonly row: string; readonly head: string | undefined }> {
    return sealRow(await this.#ring.writer(), this.#contextOf(id), content, this.backend);
  }

  /** Where the backend can be asked for digests. */
  digestOf(row: string): string | undefined {
    return (this.backend.digests && digestOf(row)) || undefined;
  }

  #contextOf(id: string): EnvelopeContext {
    return { namespace: this.namespace, kind: 'record', id };
  }
}
