import { StoreError } from '../errors.js';
import type { ListOptions } from './certificate-store.js';
import { open, openSummary, type SealedContent, type SealedSummary } from './envelope.js';
import type { ForwardClock } from './forward-clock.js';
import type { KeyRing } from './key-ring.js';
import { type KnownRevision, type KnownRevisions, makeKnownRevisions } from './known-revisions.js';
import { OpenedRows } from './opened-rows.js';
import { ProvenRows } from './proven-rows.js';
import { rolledBack, vanished } from './record-errors.js';
import { recordKey } from './record-key.js';
import { RecordNames } from './record-names.js';
import { RecordWriter } from './record-writer.js';
import { unchangedOf } from './row-digests.js';
import type { StoreBackend } from './store-backend.js';
import type { StoreMarker } from './store-marker.js';

/** A record as it was read. Not `live`: there is none, and that is certain. */
export interface ReadRecord {
  /** Whether there is a record. */
  readonly live: boolean;
  readonly value: unknown;
  /** 0: never written. */
  readonly revision: number;
  /** Whether the time that it was approved for is over. */
  readonly expired: boolean;
}

/** Some of the rows of a list, deleted ones included. */
export interface RecordBatch {
  readonly rows: readonly { readonly id: string; readonly read: ReadRecord | StoreError }[];
  /** Rows so far, and how many there are in all. */
  readonly done: number;
  readonly total: number;
}

type OpenRow = typeof open | typeof openSummary;

export interface SealedRecordsOptions {
  readonly backend: StoreBackend;
  readonly ring: KeyRing;
  readonly namespace: string;
  readonly createWhenEmpty: boolean;
  readonly clock: ForwardClock;
  /** Records of which what was read last is kept, to be compared with what is read next. */
  readonly held: number;
  /** A record was read or listed; `isNew`: this process knew an older revision of it. */
  readonly onRevision: (id: string, revision: number, isNew: boolean) => void;
}

/**
 * Sealed records in a backend: every answer is proven, every write numbered. A revision that was seen once is never
 * followed by an older one, nor by a certain absence.
 */
export class SealedRecords {
  readonly #rows: ProvenRows;
  readonly #known: KnownRevisions = makeKnownRevisions();
  readonly #names: RecordNames;
  readonly #writer: RecordWriter;
  readonly #clock: ForwardClock;
  readonly #onRevision: SealedRecordsOptions['onRevision'];
  readonly #openHeld: typeof open;

  constructor(options: SealedRecordsOptions) {
    const { backend, ring, namespace, createWhenEmpty, clock, held, onRevision } = options;
    this.#rows = new ProvenRows(backend, ring, namespace, createWhenEmpty);
    this.#names = new RecordNames(backend, this.#known);
    this.#writer = new RecordWriter(this.#rows, this.#known);
    this.#clock = clock;
    this.#onRevision = onRevision;
    const opened = new OpenedRows(held);
    this.#openHeld = (...of) => opened.open(...of);
  }

  get marker(): StoreMarker {
    return this.#rows.marker;
  }

  /** Sets the store up where nothing of it is. @returns whether it was set up now */
  async initialize(): Promise<boolean> {
    await this.#rows.checkSettings();
    return this.#rows.marker.create();
  }

  async read(id: string): Promise<ReadRecord> {
    for (;;) {
      const before = this.#known.get(id);
      const [row] = await this.#rows.read([recordKey(id)]);
      const record = await this.#judge(id, row, before, this.#openHeld);
      // Something newer was seen meanwhile, by a list or another reading: this one is no answer now.
      if (record.revision >= (this.#known.get(id)?.revision ?? 0)) return record;
    }
  }

  /** See {@link RecordWriter.write}. */
  write(...of: Parameters<RecordWriter['write']>): Promise<number> {
    return this.#writer.write(...of);
  }

  /** See {@link RecordWriter.remove}. */
  remove(id: string): Promise<boolean> {
    return this.#writer.remove(id);
  }

  /**
   * What is there, in the order of the ids, up to 200 rows at a time. Rows that cannot be read are given as
   * their errors; a list that is not whole rejects. Of a summary, nothing but `live` and `revision` means anything.
   */
  async *batches(page: ListOptions, what: 'whole' | 'summary'): AsyncGenerator<RecordBatch> {
    await this.#rows.read([]);
    if (what === 'summary' && page.limit === undefined) {
      yield* this.#pipelined(page);
      return;
    }
    // A page is looked at again and again, and what is on it fits in memory.
    const whole = page.limit === undefined ? open : this.#openHeld;
    for await (const { ids, done, total } of this.#names.inSteps(page)) {
      const rows =
        what === 'whole' ? await this.#readBatch(ids, whole) : await this.#summaries(ids);
      yield { rows, done, total };
    }
  }

  /** The backend is asked for the next rows before the last ones are judged: nobody acts on them in between. */
  async *#pipelined(page: ListOptions): AsyncGenerator<RecordBatch> {
    let last: (Omit<RecordBatch, 'rows'> & { rows: Promise<RecordBatch['rows']> }) | undefined;
    for await (const { ids, done, total } of this.#names.inSteps(page)) {
      const rows = this.#summaries(ids);
      // Where an earlier one rejects, nobody waits for it.
      rows.catch(() => {});
      if (last !== undefined) yield { ...last, rows: await last.rows };
      last = { rows, done, total };
    }
    if (last !== undefined) yield { ...last, rows: await last.rows };
  }

  async #readBatch(ids: readonly string[], openRow: OpenRow): Promise<RecordBatch['rows']> {
    const befores = ids.map((id) => this.#known.get(id));
    const rows = await this.#rows.read(ids.map(recordKey));
    return Promise.all(
      ids.map(async (id, i) => {
        // Deleting leaves a row: one that was listed and is not there is lost.
        if (rows[i] === undefined) throw vanished(id);
        const read = await this.#judge(id, rows[i], befores[i], openRow).catch((error) =>
          unreadable(id, error),
        );
        return { id, read };
      }),
    );
  }

  /**
   * What has not changed since it was read last is as it was, and of what was never read the head shows what it
   * is. Whatever is not as it was is opened: it may be damaged.
   */
  async #summaries(ids: readonly string[]): Promise<RecordBatch['rows']> {
    const unseen = new Set(ids.filter((id) => this.#known.get(id) === undefined));
    const seen = unseen.size === 0 ? ids : ids.filter((id) => !unseen.has(id));
    const unchanged = await unchangedOf(this.#rows.backend, this.#known, seen);
    const heads = await this.#rows.heads([...unseen]);
    const rest = ids.filter((id) => !unchanged.has(id) && !heads.has(id));
    const rows = rest.length === 0 ? [] : await this.#readBatch(rest, openSummary);
    const reads = new Map(rows.map(({ id, read }) => [id, read]));
    for (const [id, seen] of [...unchanged, ...heads]) {
      const { revision, live } = seen;
      this.#learn(id, seen);
      reads.set(id, { live, value: undefined, revision, expired: false });
    }
    return ids.map((id) => ({ id, read: reads.get(id) as ReadRecord | StoreError }));
  }

  async #judge(
    id: string,
    row: string | undefined,
    before: KnownRevision | undefined,
    openRow: OpenRow,
  ): Promise<ReadRecord> {
    if (row === undefined) {
      if (before?.live) throw vanished(id);
      // Again, since settings change: nothing else distinguishes an evicted record from one that never was.
      await this.#rows.backend.checkSettings?.();
      return { live: false, value: undefined, revision: before?.revision ?? 0, expired: false };
    }
    const content = await this.#rows.openAs<SealedContent | SealedSummary>(id, row, openRow);
    const { revision, sealedAt, expiresAt, value } = content;
    const live = value !== null;
    if (before !== undefined && revision < before.revision) {
      throw rolledBack(id, revision, before.revision);
    }
    this.#clock.learn(sealedAt, id);
    this.#learn(id, { revision, live, digest: this.#rows.digestOf(row) });
    const expired = expiresAt !== undefined && this.#clock.now() >= expiresAt;
    return { live, value: value ?? undefined, revision, expired };
  }

  #learn(id: string, seen: KnownRevision): void {
    const before = this.#known.learn(id, seen);
    this.#onRevision(id, seen.revision, before !== undefined && before.revision < seen.revision);
  }
}

/** What is wrong with one row is said of it. A key provider that fails has nothing to do with the row. */
function unreadable(id: string, error: unknown): StoreError {
  if (error instanceof StoreError && error.id === id) return error;
  throw error;
}
