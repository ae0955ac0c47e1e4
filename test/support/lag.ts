const TICK_MS = 10;

/**
 * Measures how long the event loop was kept from its turns, by work of this process or of others on the machine:
 * for limits that hold on a machine that has time for them.
 *
 * @example
 * using lag = new Lag();
 * await somethingWithALimit();
 * expect(lag.elapsedMs).toBeLessThan(1_000);
 */
export class Lag implements Disposable {
  readonly #begin = performance.now();
  #last = performance.now();
  #lost = 0;
  readonly #timer = setInterval(() => this.#look(), TICK_MS);

  #look(): void {
    const now = performance.now();
    this.#lost += Math.max(0, now - this.#last - TICK_MS);
    this.#last = now;
  }

  /** Milliseconds since the beginning, without those in which the event loop had no turn. */
  get elapsedMs(): number {
    this.#look();
    return performance.now() - this.#begin - this.#lost;
  }

  /** Milliseconds in which it had no turn. */
  get lostMs(): number {
    this.#look();
    return this.#lost;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
