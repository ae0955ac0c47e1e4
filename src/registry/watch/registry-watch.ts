import type { RegistryEvent, RegistryWatch } from './events.js';

/** A watch to which events are given. */
export interface OpenWatch extends RegistryWatch {
  deliver(event: RegistryEvent): void;
}

/** @param onClose called once */
export function makeRegistryWatch(onClose: () => Promise<void>): OpenWatch {
  // Its listeners are typed more closely than those of an EventTarget can be.
  return new Watch(onClose) as EventTarget as OpenWatch;
}

type Reader = (result: IteratorResult<RegistryEvent, undefined>) => void;

class Watch extends EventTarget implements Omit<OpenWatch, keyof EventTarget> {
  readonly #onClose: () => Promise<void>;
  readonly #queues = new Set<EventQueue>();
  #closing: Promise<void> | undefined;

  constructor(onClose: () => Promise<void>) {
    super();
    this.#onClose = onClose;
  }

  deliver(event: RegistryEvent): void {
    if (this.#closing !== undefined) return;
    for (const queue of this.#queues) queue.push(event);
    this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  [Symbol.asyncIterator](): AsyncIterator<RegistryEvent, undefined> {
    const queue = new EventQueue(() => this.#queues.delete(queue));
    if (this.#closing === undefined) this.#queues.add(queue);
    else queue.end();
    return queue;
  }

  close(): Promise<void> {
    this.#closing ??= this.#onClose();
    for (const queue of this.#queues) queue.end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What one `for await` has not read yet. A state is told once, so it grows with changes, not with time. */
class EventQueue implements AsyncIterator<RegistryEvent, undefined> {
  readonly #events: RegistryEvent[] = [];
  readonly #readers: Reader[] = [];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  push(value: RegistryEvent): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#events.push(value);
    else reader({ done: false, value });
  }

  async next(): Promise<IteratorResult<RegistryEvent, undefined>> {
    const value = this.#events.shift();
    if (value !== undefined) return { done: false, value };
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  async return(): Promise<IteratorResult<RegistryEvent, undefined>> {
    this.#events.length = 0;
    this.end();
    return { done: true, value: undefined };
  }

  end(): void {
    this.#ended = true;
    this.#onEnd();
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }
}
