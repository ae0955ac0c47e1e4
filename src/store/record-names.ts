import type { KnownRevisions } from './known-revisions.js';
import { idOfKey, vanished } from './record-errors.js';
import type { KeysState, StoreBackend } from './store-backend.js';
import { assertWhole, isRecordKey } from './store-marker.js';

/**
 * The ids of all records, deleted ones too, in their order.
 *
 * Nothing ever takes a row away (a deletion leaves one), so that a page of a long list need not read all their
 * names again while none was added: where the backend can tell, they are read when one was, when its data are
 * those of another history (a failover, a restore), or when anything contradicts what is held.
 */
export class RecordNames {
  readonly #backend: StoreBackend;
  readonly #known: KnownRevisions;
  /** Invariant: `ids` are sorted, and were all there was when the backend's keys had this `state`. */
  #held: { readonly ids: readonly string[]; readonly state: KeysState } | undefined;

  constructor(backend: StoreBackend, known: KnownRevisions) {
    this.#backend = backend;
    this.#known = known;
  }

  /**
   * As the backend lists them now.
   *
   * @throws {StoreError} `MCP_TLS_STORE_VANISHED` if one is missing that this process knows,
   *   `MCP_TLS_STORE_UNAVAILABLE` if the listing is incomplete
   */
  async read(): Promise<readonly string[]> {
    const liveBefore = this.#known.live();
    const keys = await this.#backend.keys();
    assertWhole(keys);
    const ids = keys.filter(isRecordKey).map(idOfKey).sort();
    const missing = liveBefore.find((id) => !includes(ids, id));
    if (missing !== undefined) throw vanished(missing);
    return ids;
  }

  /** For a page. @throws as {@link read} */
  async current(): Promise<readonly string[]> {
    const state = await this.#backend.keysState?.();
    if (this.#held !== undefined && isSame(this.#held.state, state)) return this.#held.ids;
    this.#held = undefined;
    const ids = await this.read();
    // What was written between the two looks is in one of them only, and is then looked for again.
    const isHeld = state !== undefined && isSame(state, await this.#backend.keysState?.());
    if (isHeld && this.#known.live().every((id) => includes(ids, id))) this.#held = { ids, state };
    return ids;
  }

  /** A record of this id was seen. */
  saw(id: string): void {
    if (this.#held !== undefined && !includes(this.#held.ids, id)) this.#held = undefined;
  }

  /** Something that is held is not there. */
  forget(): void {
    this.#held = undefined;
  }
}

/** Where `after` ends, and what comes after it begins. */
export function indexAfter(ids: readonly string[], after: string): number {
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

function isSame(held: KeysState, now: KeysState | undefined): boolean {
  return now !== undefined && now.count === held.count && now.lastAdded === held.lastAdded;
}
