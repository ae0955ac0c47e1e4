import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import { explainTlsError } from '../../src/index.js';
import { type Effect, type Field, type Note, now, type Outcome } from './history.js';

/** The flow that a step belongs to, through everything that it waits for. */
export interface Flow {
  readonly name: string;
  /** Its number among this member's operations; `undefined` for what no call began: a scan. */
  readonly n: number | undefined;
  /** Which fields of the record it means to change; `undefined`: those of a renewal. */
  readonly sets: readonly Field[] | undefined;
  /** The name that it writes as the one who approved. */
  readonly token: string | undefined;
  /** When it last read each revision of a record, and the life of that record. */
  readonly read: Map<string, { readonly at: number; readonly life: string }>;
}

export const makeFlow = (parts: Pick<Flow, 'name' | 'n' | 'sets' | 'token'>): Flow => ({
  ...parts,
  read: new Map(),
});

/** Writes down what this process does: before it is done, and what came of it. */
export class Recorder {
  readonly flows: AsyncLocalStorage<Flow> = new AsyncLocalStorage();
  readonly #member: string;
  readonly #file: number;
  #n = 0;
  #tokens = 0;
  #lastAt = now();

  /** @param file where to; what is noted is noted, also if this process is killed in the next moment */
  constructor(member: string, file: string) {
    this.#member = member;
    this.#file = openSync(file, 'a');
  }

  /** When something was noted last. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** A name that nobody else uses. */
  nextToken(): string {
    return `${this.#member}.${this.#tokens++}`;
  }

  /** Never rejects: an error is what came of it. */
  async perform(
    name: string,
    effect: Effect,
    run: (n: number) => Promise<Outcome>,
  ): Promise<Outcome> {
    const n = this.#begin(name, effect);
    const outcome = await run(n).catch(toOutcome);
    this.#end(n, outcome);
    return outcome;
  }

  /** A step of a flow: what it gives and throws goes to whoever made it. */
  async step<T>(
    name: string,
    effect: Effect,
    run: () => Promise<T>,
    outcomeOf: (result: T) => Outcome,
  ): Promise<T> {
    const n = this.#begin(name, effect);
    try {
      const result = await run();
      this.#end(n, outcomeOf(result));
      return result;
    } catch (error) {
      this.#end(n, toOutcome(error));
      throw error;
    }
  }

  #begin(name: string, effect: Effect): number {
    const n = this.#n++;
    this.#note({ n, at: now(), name, effect, flow: this.flows.getStore()?.n });
    return n;
  }

  #end(n: number, outcome: Outcome): void {
    this.#note({ n, at: now(), outcome });
  }

  #note(line: Note): void {
    this.#lastAt = now();
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

function toOutcome(error: unknown): Outcome {
  const own = explainTlsError(error)?.code ?? (error as { code?: unknown }).code;
  return { error: String(own ?? (error as Error)?.stack ?? error) };
}
