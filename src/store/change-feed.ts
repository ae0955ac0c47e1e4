import { withDeadline } from './deadline.js';
import type { Invalidation, InvalidationEvent } from './invalidation.js';

const PUBLISH_MS = 1_000;
const MAX_ANNOUNCED = 10_000;

/** `undefined`: any record may have changed. */
export type ChangeListener = (id: string | undefined) => void;

/**
 * What is known of changes, by this process and by others, and who is to hear of them. A change is reported once:
 * one that the channel announced is not reported again when the new revision is read.
 */
export class ChangeFeed {
  /** Messages from other processes. */
  invalidations = 0;
  /** Messages to other processes that could not be sent. */
  invalidationFailures = 0;
  /** Whether messages come in; `undefined` without a channel. */
  listening: boolean | undefined;
  readonly #channel: Invalidation | undefined;
  readonly #namespace: string;
  readonly #forget: ChangeListener;
  readonly #listeners = new Set<ChangeListener>();
  /** Records whose change the channel has announced, and that were not read since. */
  readonly #announced = new Set<string>();
  #closed = false;

  /** @param forget drops what is cached of a record, or of all; called before any listener */
  constructor(channel: Invalidation | undefined, namespace: string, forget: ChangeListener) {
    this.#channel = channel;
    this.#namespace = namespace;
    this.#forget = forget;
    this.listening = channel === undefined ? undefined : false;
  }

  open(): void {
    this.#channel
      ?.subscribe(this.#namespace, (event) => this.#onInvalidation(event))
      .then(
        () => {
          this.listening = true;
        },
        // The cache's time to live holds without it; `listening` says so.
        () => {},
      );
  }

  /** @returns a function that ends it */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** What was cached may be wrong now, even if `write` failed. */
  async around<T>(id: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } finally {
      this.#changed(id);
      await this.#announce(id);
    }
  }

  /**
   * A record was read or listed.
   *
   * @param wasHeld something older of it was in the cache
   * @param isNew this process knew an older revision of it
   */
  seen(id: string, wasHeld: boolean, isNew: boolean): void {
    // What the channel has announced is what is found now.
    const wasAnnounced = this.#announced.delete(id);
    if (wasHeld || (isNew && !wasAnnounced)) this.#report(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    await this.#channel?.close().catch(() => {});
  }

  #onInvalidation(event: InvalidationEvent): void {
    this.invalidations++;
    this.listening = event.type !== 'lost';
    if (event.type === 'changed') {
      // Of ids that nobody reads, no more than so many: then a change is reported twice.
      if (this.#announced.size >= MAX_ANNOUNCED) this.#announced.clear();
      this.#announced.add(event.id);
      this.#changed(event.id);
    }
    // Of what was missed since the channel was last heard, nobody will say anything.
    else this.#changed(undefined);
  }

  #changed(id: string | undefined): void {
    this.#forget(id);
    this.#report(id);
  }

  #report(id: string | undefined): void {
    for (const listener of this.#listeners) listener(id);
  }

  /** The write has happened: a channel that hangs or fails must not make it look otherwise. */
  async #announce(id: string): Promise<void> {
    const channel = this.#channel;
    // It may open its connection again.
    if (channel === undefined || this.#closed) return;
    try {
      await withDeadline(() => channel.publish(this.#namespace, id), PUBLISH_MS);
    } catch {
      this.invalidationFailures++;
    }
  }
}
