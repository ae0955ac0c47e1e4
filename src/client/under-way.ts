/**
 * What is under way, and can be ended from outside. A gateway has thousands of clients that nothing is asked of: until
 * then it holds nothing.
 */
export class UnderWay<Reason = void> {
  #all: Set<{ abort(reason: Reason): void }> | undefined;

  add(one: { abort(reason: Reason): void }): void {
    this.#all ??= new Set();
    this.#all.add(one);
  }

  delete(one: { abort(reason: Reason): void }): void {
    this.#all?.delete(one);
  }

  abortAll(reason: Reason): void {
    for (const one of [...(this.#all ?? [])]) one.abort(reason);
  }
}
