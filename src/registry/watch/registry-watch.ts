import { isThenable } from '../../client/is-thenable.js';
import { warnOfListener } from '../../diagnostics.js';
import { oneOf, refuse } from '../../options.js';
import type { RegistryEvent, RegistryListener, RegistryWatch } from './events.js';

/** A watch to which events are given. */
export interface OpenWatch extends RegistryWatch {
  deliver(event: RegistryEvent): void;
}

/** @param onClose called once */
export function makeRegistryWatch(onClose: () => Promise<void>): OpenWatch {
  return new Watch(onClose);
}

type Type = RegistryEvent['type'];

const TYPE = oneOf<Type>(
  'expiring',
  'expired',
  'changed',
  'renewed',
  'refused',
  'revoked',
  'failed',
);

type Reader = (result: IteratorResult<RegistryEvent, undefined>) => void;

interface Subscription {
  readonly type: Type;
  readonly listener: (event: RegistryEvent) => void | Promise<void>;
}

/** A listener is called for the events between its subscription and its disposal, or the end of the watch. */
class Watch implements OpenWatch {
  readonly #onClose: () => Promise<void>;
  readonly #queues = new Set<EventQueue>();
  /** One for each call of `on`, also for the same listener. */
  readonly #subscriptions = new Set<Subscription>();
  #closing: Promise<void> | undefined;

  constructor(onClose: () => Promise<void>) {
    this.#onClose = onClose;
  }

  on<Named extends Type>(type: Named, listener: RegistryListener<Named>): Disposable {
    TYPE.read(type, 'watch.on: type', []);
    if (typeof listener !== 'function') refuse('watch.on: listener', 'a function', listener);
    const subscription = { type, listener } as Subscription;
    if (this.#closing === undefined) this.#subscriptions.add(subscription);
    return { [Symbol.dispose]: () => void this.#subscriptions.delete(subscription) };
  }

  deliver(event: RegistryEvent): void {
    if (this.#closing !== undefined) return;
    for (const queue of this.#queues) queue.push(event);
    for (const subscription of [...this.#subscriptions]) this.#call(subscription, event);
  }

  /** Delivery goes on even if the listener throws. */
  #call(subscription: Subscription, event: RegistryEvent): void {
    const { type, listener } = subscription;
    if (type !== event.type || !this.#subscriptions.has(subscription)) return;
    try {
      const result = listener(event);
      if (isThenable(result)) result.then(undefined, (error) => this.#failed(type, error));
    } catch (error) {
      this.#failed(type, error);
    }
  }

  #failed(type: Type, error: unknown): void {
    const hears = [...this.#subscriptions].some((one) => one.type === 'failed');
    const isTaken = type !== 'failed' && (hears || this.#queues.size > 0);
    if (isTaken && this.#closing === undefined) {
      this.deliver({ type: 'failed', at: new Date(), first: true, error });
    } else {
      warnOfListener(`of '${type}' of a registry's watch`, error);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<RegistryEvent, undefined> {
    const queue = new EventQueue(() => this.#queues.delete(queue));
    if (this.#closing === undefined) this.#queues.add(queue);
    else queue.end();
    return queue;
  }

  close(): Promise<void> {
    this.#closing ??= this.#onClose();
    this.#subscriptions.clear();
    for (const queue of this.#queues) queue.end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What one `for await` has not read yet. A state is reported once, so it grows with changes, not with time. */
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
