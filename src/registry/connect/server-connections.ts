import type { FactoryStats } from '../../client/pools.js';
import type { CheckedServerTrust } from '../../store/record/server-trust.js';
import { Generation, type GenerationOptions, type Holder } from './generation.js';

export const CHANGED = 'the trust in this server was changed';

/**
 * The connections of **one** server. New requests go over the open generation, if there is one; those
 * before it, whose trust the present record only widened, are draining: what runs over them goes on, and
 * nothing new begins there. Whatever rests on trust that was taken away is ended at once.
 */
export class ServerConnections {
  readonly #id: string;
  readonly #options: GenerationOptions;
  #open: Generation | undefined;
  readonly #draining = new Set<Generation>();

  constructor(id: string, options: GenerationOptions) {
    this.#id = id;
    this.#options = options;
  }

  /** Whether nothing is left of them. */
  get isEmpty(): boolean {
    return this.#open === undefined && this.#draining.size === 0;
  }

  /** Whether the approval that they rest on is over. */
  hasExpired(wallClock: number): boolean {
    return this.#all().some(({ trust: { record } }) => {
      return record.expiresAt !== undefined && wallClock >= Date.parse(record.expiresAt);
    });
  }

  get isFree(): boolean {
    return this.#all().every((generation) => generation.isFree);
  }

  /** The connections for requests under the trust of this moment. */
  under(trust: CheckedServerTrust, now: number): Generation {
    if (this.#open?.trust !== trust) void this.trustIs(trust);
    this.#open ??= new Generation(this.#id, trust, this.#options, now);
    return this.#open;
  }

  /** Keeps what still is trusted, and ends the rest. @returns when that has ended */
  async trustIs(trust: CheckedServerTrust): Promise<void> {
    if (!this.#all().every((generation) => generation.isCoveredBy(trust))) {
      await this.end(CHANGED, false);
      return;
    }
    if (this.#open === undefined) return;
    if (this.#open.isSameAs(trust)) {
      this.#open.trust = trust;
      return;
    }
    this.#draining.add(this.#open);
    this.#open = undefined;
  }

  stats(): readonly FactoryStats[] {
    return this.#all().map(({ factory }) => factory.stats());
  }

  releaseHolder(holder: Holder, now: number): void {
    for (const generation of this.#all()) {
      if (generation.holders.delete(holder)) generation.lastUsed = now;
    }
  }

  /** One step of the limit on idle connections. @returns when they have ended */
  async endIdle(before: number, why: string): Promise<void> {
    const idle = this.#all().filter((one) => one.isFree && one.lastUsed <= before);
    for (const generation of idle) {
      this.#draining.delete(generation);
      if (this.#open === generation) this.#open = undefined;
    }
    await Promise.all(idle.map((generation) => generation.end(why, false)));
  }

  /** Ends all. `final`: there will be no others. */
  async end(why: string, final: boolean, graceMs = 0): Promise<void> {
    const ending = this.#all();
    this.#open = undefined;
    this.#draining.clear();
    await Promise.all(ending.map((generation) => generation.end(why, final, graceMs)));
  }

  #all(): readonly Generation[] {
    return this.#open === undefined ? [...this.#draining] : [this.#open, ...this.#draining];
  }
}
