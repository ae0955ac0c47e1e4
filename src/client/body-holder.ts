/** What a {@link BodyHolder} does to a body. */
export interface Held {
  /** The turn is over in which somebody got it: it is theirs alone. @returns whether they may read it yet */
  release(): boolean;
  /** Whoever could have read it is gone. */
  abandon(): void;
}

/**
 * Has a body abandoned when the one object by which it can be read is collected: its response, or its stream.
 *
 * It is registered when the turn is over, and not at all if the body is read by then, as most are. V8 keeps what a
 * FinalizationRegistry or a WeakRef leads to through every collection of young objects, unregistered or not: that
 * cost an event-stream call a fifth of its time.
 */
export class BodyHolder {
  readonly #held: Held;
  /** Not longer than for the turn. */
  #holder: object | undefined;
  #isRegistered = false;

  constructor(held: Held) {
    this.#held = held;
  }

  /** @param holder replaces the one before */
  set(holder: object): void {
    if (this.#isRegistered) DROPPED.unregister(this);
    this.#isRegistered = false;
    if (this.#holder === undefined) setImmediate(() => this.#release());
    this.#holder = holder;
  }

  #release(): void {
    const holder = this.#holder as object;
    this.#holder = undefined;
    if (!this.#held.release()) return;
    this.#isRegistered = true;
    DROPPED.register(holder, this.#held, this);
  }
}

const DROPPED = new FinalizationRegistry<Held>((held) => held.abandon());
