import { withDeadline } from '../store/deadline.js';
import type { RedisClientLike } from './redis-client-like.js';

/** A node that has not answered for so long may have died. */
const UNANSWERED_MS = 1_000;
const CONNECT_MS = 5_000;
/** A cluster that is slow is not made faster by new connections. */
const AGAIN_MS = 5_000;
/** For what is still under way on a client that another one has taken the place of. */
const LINGER_MS = 10_000;

/**
 * A cluster client that asks its nodes anew which of them has what, when one does not answer: after the death of
 * a master, one of node-redis that was connected waits for that node for ever. A copy of the client then takes
 * its place. What is under way on the old one has the outcome that it has; nothing is sent again.
 *
 * Invariants: `#current` is connected or has not been asked to be; one copy at a time is on its way to take its place.
 */
export class RenewingCluster implements RedisClientLike {
  readonly #given: RedisClientLike;
  #current: RedisClientLike;
  #renewal: Promise<void> | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @param given stays whose it is: only copies of it are ended here */
  constructor(given: RedisClientLike) {
    this.#given = given;
    this.#current = given;
  }

  get isOpen(): boolean {
    return this.#current.isOpen;
  }
  get slots(): readonly unknown[] {
    return this.#current.slots ?? [];
  }
  connect(): Promise<unknown> {
    return this.#current.connect();
  }
  hmGet(...args: Parameters<RedisClientLike['hmGet']>): Promise<readonly (string | null)[]> {
    return this.#watch((client) => client.hmGet(...args));
  }
  hKeys(key: string): Promise<readonly string[]> {
    return this.#watch((client) => client.hKeys(key));
  }
  eval(...args: Parameters<RedisClientLike['eval']>): Promise<unknown> {
    return this.#watch((client) => client.eval(...args));
  }
  publish(channel: string, message: string): Promise<unknown> {
    return this.#watch((client) => client.publish(channel, message));
  }
  subscribe(...args: Parameters<RedisClientLike['subscribe']>): Promise<unknown> {
    return this.#current.subscribe(...args);
  }
  sendCommand(...args: never[]): Promise<unknown> {
    return this.#watch((client) => {
      if (client.sendCommand === undefined) throw new Error('this client sends no command');
      return client.sendCommand(...args);
    });
  }
  duplicate(): RedisClientLike {
    // Not of the current one: it may be about to be ended.
    return (this.#given.duplicate as () => RedisClientLike).call(this.#given);
  }
  on(event: string, listener: (...args: unknown[]) => void): unknown {
    return this.#given.on(event, listener);
  }
  off(event: string, listener: (...args: unknown[]) => void): unknown {
    return this.#given.off(event, listener);
  }

  /** Ends the copies. */
  destroy(): void {
    this.#isClosed = true;
    end(this.#current, this.#given);
    this.#current = this.#given;
  }

  async #watch<T>(run: (client: RedisClientLike) => Promise<T>): Promise<T> {
    const client = this.#current;
    const timer = setTimeout(() => this.#renew(client), UNANSWERED_MS).unref();
    try {
      return await run(client);
    } catch (error) {
      // What a node says, it says; a connection that was lost says nothing.
      if (!(error instanceof Error) || !error.constructor.name.endsWith('ErrorReply')) {
        this.#renew(client);
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #renew(client: RedisClientLike): void {
    if (this.#isClosed || client !== this.#current || this.#renewal !== undefined) return;
    const now = performance.now();
    if (now - this.#renewedAt < AGAIN_MS) return;
    this.#renewedAt = now;
    this.#renewal = this.#takeAnother().finally(() => {
      this.#renewal = undefined;
    });
  }

  async #takeAnother(): Promise<void> {
    const copy = this.duplicate();
    copy.on('error', () => {});
    try {
      await withDeadline(() => copy.connect(), CONNECT_MS);
    } catch {
      // The next call that is not answered tries again.
      end(copy, this.#given);
      return;
    }
    if (this.#isClosed) {
      end(copy, this.#given);
      return;
    }
    const old = this.#current;
    this.#current = copy;
    setTimeout(() => end(old, this.#given), LINGER_MS).unref();
  }
}

function end(client: RedisClientLike, given: RedisClientLike): void {
  if (client === given) return;
  try {
    client.destroy();
  } catch {
    // It never was open.
  }
}
