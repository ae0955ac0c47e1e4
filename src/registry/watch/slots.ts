/** A bound on what goes on at one time, first come, first served. */
export class Slots {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `task` once it is its turn and there is room. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#take();
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  /** Resolves once everything that came before has begun, and there is room for more. */
  async untilRoom(): Promise<void> {
    await this.#take();
    this.#release();
  }

  #take(): Promise<void> | undefined {
    if (this.#free === 0) return new Promise((resolve) => this.#queue.push(resolve));
    this.#free--;
    return undefined;
  }

  /** Hands the room on to whoever waits for it. */
  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
