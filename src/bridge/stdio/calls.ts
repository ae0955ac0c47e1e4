import type { RpcId, RpcMessage } from '../rpc.js';
import { modernVersion } from './modern-headers.js';

/** A request of the client's that has no answer yet. */
export interface Call {
  readonly id: RpcId;
  /** It says its protocol version itself, and belongs to no session. */
  readonly isModern: boolean;
  /** Aborted when it was cancelled. */
  readonly signal: AbortSignal;
  /** Fulfilled when it was answered, failed or cancelled. */
  readonly settled: Promise<void>;
}

interface Entry extends Call {
  readonly aborting: AbortController;
  readonly settle: () => void;
}

/**
 * The requests that wait for an answer, by id. Each is answered once: whoever takes it out of here answers
 * it, and what comes later under its id goes nowhere. The ids `1` and `'1'` are two.
 */
export class Calls {
  readonly #waiting = new Map<RpcId, Entry>();

  /** @returns `undefined` if a request with this id waits already */
  begin(message: RpcMessage): Call | undefined {
    const { id } = message;
    if (id === undefined || this.#waiting.has(id)) return undefined;
    const aborting = new AbortController();
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const isModern = modernVersion(message) !== undefined;
    const entry = { id, isModern, aborting, signal: aborting.signal, settled, settle };
    this.#waiting.set(id, entry);
    return entry;
  }

  /** The one that waits under this id. */
  find(id: RpcId): Call | undefined {
    return this.#waiting.get(id);
  }

  /** @returns whether it was waiting: then it is the caller's to answer */
  take(id: RpcId): boolean {
    this.#waiting.get(id)?.settle();
    return this.#waiting.delete(id);
  }

  /** Ends its request to the server, and leaves it without an answer. */
  cancel(id: RpcId): void {
    this.#waiting.get(id)?.aborting.abort();
    this.take(id);
  }

  /** Takes all that wait out. */
  takeAll(): readonly RpcId[] {
    return [...this.#waiting.keys()].filter((id) => this.take(id));
  }

  /** Fulfilled when none waits of those that do now. */
  async allSettled(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ settled }) => settled));
  }
}
