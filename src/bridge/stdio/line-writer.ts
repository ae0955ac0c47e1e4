import type { Writable } from 'node:stream';

/**
 * Writes whole lines, and nothing else. `write` is fulfilled when there is room for more, so that a reader
 * who is slow holds up those who write. When the reader is gone, lines go nowhere: {@link ended} says so.
 */
export class LineWriter {
  readonly #output: Writable;
  #isEnded = false;
  /** Fulfilled when nobody reads any more. */
  readonly ended: Promise<void>;
  /** Of all writers that wait for the same thing: one listener, however many there are. */
  #drained: Promise<void> | undefined;

  constructor(output: Writable) {
    this.#output = output;
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isEnded = true;
        resolve();
      };
      output.once('close', end);
      output.on('error', end);
    });
  }

  async write(line: string): Promise<void> {
    if (this.#isEnded) return;
    const hasRoom = this.#output.write(`${line}\n`);
    if (!hasRoom) await this.#untilDrained();
  }

  #untilDrained(): Promise<void> {
    this.#drained ??= Promise.race([
      new Promise<void>((resolve) => this.#output.once('drain', resolve)),
      this.ended,
    ]).finally(() => {
      this.#drained = undefined;
    });
    return this.#drained;
  }

  /** Until what was written has left this process, or `ms` have passed. */
  async flush(ms: number): Promise<void> {
    if (this.#isEnded || this.#output.writableLength === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => this.#output.write('', () => resolve())),
      this.ended,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
    ]);
    clearTimeout(timer);
  }
}
