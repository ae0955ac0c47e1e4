import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareDirectory, recordKeyOfFile } from './directory-backend.js';
import type { InvalidationEvent } from './invalidation.js';
import { recordId } from './record-key.js';

/** How soon it is noticed that another directory stands in the place of the one that is watched. */
const LOOK_MS = 2_000;

/**
 * Watches the records of one directory, for as long as it is not closed.
 *
 * What is watched is the directory itself, not its name: one that was restored from a copy, or mounted
 * anew, is another. So the name is looked at, and where watching is impossible (the system has no watch
 * left), it is tried again.
 *
 * Invariant: `#watcher` is there from a `'reset'` to the next `'lost'`.
 */
export class DirectoryWatch {
  /** Resolved when it is watched for the first time. */
  readonly heard: Promise<void>;
  readonly #directory: string;
  readonly #listener: (event: InvalidationEvent) => void;
  readonly #ended = new AbortController();
  #watcher: FSWatcher | undefined;
  #onHeard: () => void = () => {};

  constructor(directory: string, listener: (event: InvalidationEvent) => void) {
    this.#directory = directory;
    this.#listener = listener;
    this.heard = new Promise((resolve) => {
      this.#onHeard = resolve;
    });
    this.#keepWatching().catch(() => {});
  }

  close(): void {
    this.#ended.abort();
    this.#watcher?.close();
    this.#onHeard();
  }

  async #keepWatching(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await prepareDirectory(this.#directory);
        const watched = await this.#identity();
        this.#begin();
        while (this.#watcher !== undefined && (await this.#identity()) === watched) {
          await sleep(LOOK_MS, undefined, { ref: false, signal });
        }
      } catch {
        // Closed, or it cannot be watched now.
      }
      this.#lose();
      await sleep(LOOK_MS / 4, undefined, { ref: false, signal });
    }
  }

  async #identity(): Promise<string> {
    const { dev, ino } = await stat(this.#directory, { bigint: true });
    return `${dev}:${ino}`;
  }

  #begin(): void {
    const watcher = watch(this.#directory, { persistent: false }, (_, file) => this.#see(file));
    watcher.on('error', () => this.#lose());
    this.#watcher = watcher;
    // What was changed before it was watched.
    this.#announce({ type: 'reset' });
    this.#onHeard();
  }

  #see(file: string | null): void {
    const key = file === null ? undefined : recordKeyOfFile(file);
    const id = key === undefined ? undefined : recordId(key);
    if (id !== undefined) this.#announce({ type: 'changed', id });
    // Without a name, something happened.
    else if (file === null) this.#announce({ type: 'reset' });
  }

  #lose(): void {
    if (this.#watcher === undefined) return;
    this.#watcher.close();
    this.#watcher = undefined;
    this.#announce({ type: 'lost' });
  }

  #announce(event: InvalidationEvent): void {
    if (!this.#ended.signal.aborted) this.#listener(event);
  }
}
