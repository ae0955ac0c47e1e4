/** Interim answers (1xx) that a server may send before the answer. Hints come in ones and twos. */
const MAX_INTERIM = 64;

/**
 * What bounds the interim answers to one request, in number and time: undici begins its time anew at each of
 * them, and `timeout.headersMs` is until the answer itself. Costs nothing where none comes.
 */
export class InterimAnswers {
  readonly #limitMs: number;
  readonly #startedAt: number;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs from now until the answer; 0 for none */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#startedAt = limitMs > 0 ? performance.now() : 0;
  }

  /** One has come. @returns whether it is one too many */
  add(onTimeout: () => void): boolean {
    if (this.#limitMs > 0 && this.#timer === undefined) {
      const left = this.#limitMs - (performance.now() - this.#startedAt);
      this.#timer = setTimeout(onTimeout, Math.max(left, 0));
    }
    return ++this.#count > MAX_INTERIM;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
