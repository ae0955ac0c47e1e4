import type { ListOptions } from './certificate-store.js';
import type { KnownRevisions } from './known-revisions.js';
import { idOfKey, vanished } from './record-errors.js';
import type { RecordPage, StoreBackend } from './store-backend.js';
import { assertWhole, isRecordKey } from './store-marker.js';

/** Names of which the records are read at one time. */
const BATCH = 200;

/**
 * The ids of records, deleted ones too, in their order: all of them, or those of a page, which some backends
 * can say without all the others.
 */
export class RecordNames {
  readonly #backend: StoreBackend;
  readonly #known: KnownRevisions;

  constructor(backend: StoreBackend, known: KnownRevisions) {
    this.#backend = backend;
    this.#known = known;
  }

  /**
   * As many as are asked for and, since some of them may be deleted, twice as many after that; without a limit,
   * or where the backend knows no pages, of all names as they are now.
   *
   * @returns some of them, how many these are with those before, and how many there are in all
   * @throws {StoreError} `MCP_TLS_STORE_VANISHED` if one is missing that this process knows,
   *   `MCP_TLS_STORE_UNAVAILABLE` if the listing is incomplete
   */
  async *inSteps({ after, limit }: ListOptions): AsyncGenerator<{
    readonly ids: readonly string[];
    readonly done: number;
    readonly total: number;
  }> {
    let all = limit === undefined ? await this.#read() : undefined;
    let [cursor, done] = [after, 0];
    for (let size = Math.min(BATCH, limit ?? BATCH); ; size = Math.min(BATCH, 2 * size)) {
      let page = all === undefined ? await this.#page(cursor, size) : undefined;
      if (page === undefined) {
        all ??= await this.#read();
        page = pageOf(all, cursor, size);
      }
      const { ids, left } = page;
      if (ids.length === 0) return;
      done += ids.length;
      yield { ids, done, total: done + left };
      if (left === 0) return;
      cursor = ids.at(-1);
    }
  }

  async #read(): Promise<readonly string[]> {
    const liveBefore = this.#known.live();
    const keys = await this.#backend.keys();
    assertWhole(keys);
    const ids = keys.filter(isRecordKey).map(idOfKey).sort();
    const missing = liveBefore.find((id) => !includes(ids, id));
    if (missing !== undefined) throw vanished(missing);
    return ids;
  }

  /** @returns `undefined` where all names have to be read: the backend does not know, or leaves one out that is known */
  async #page(after: string | undefined, limit: number): Promise<RecordPage | undefined> {
    const liveBefore = this.#known.live();
    const page = await this.#backend.page?.(after, limit);
    if (page === undefined) return undefined;
    const last = page.left === 0 ? undefined : page.ids.at(-1);
    const isOnIt = (id: string): boolean =>
      (after === undefined || id > after) && (last === undefined || id <= last);
    const isWhole = liveBefore.every((id) => !isOnIt(id) || includes(page.ids, id));
    return isWhole ? page : undefined;
  }
}

function pageOf(ids: readonly string[], after: string | undefined, limit: number): RecordPage {
  const start = after === undefined ? 0 : indexAfter(ids, after);
  const page = ids.slice(start, start + limit);
  return { ids: page, left: ids.length - start - page.length };
}

/** Where `after` ends, and what comes after it begins. */
function indexAfter(ids: readonly string[], after: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as string) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function includes(ids: readonly string[], id: string): boolean {
  return ids[indexAfter(ids, id) - 1] === id;
}
