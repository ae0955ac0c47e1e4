import { publish, publishOrWarn } from '../diagnostics.js';
import { McpTlsError } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { covers, coversServers } from '../trust/covers.js';
import type { Source } from '../trust/source.js';
import { type Sourced, sourcedOf } from '../trust/sourced.js';
import { watchFile } from './watched-files.js';

/** Functions are asked so often while nothing is requested; what failed is tried again after five times that. */
const ASK_MS = 1_000;
const RETRY_MS = 5 * ASK_MS;

/** One for all: most trust never changes, and there is much of it. */
const NOTHING: readonly never[] = Object.freeze([]);

/** Told of each change. `keeps`: whether every server that was trusted before is trusted still. */
export type TrustChanged = (change: { readonly keeps: boolean }) => void;

/**
 * A policy that goes with its sources: {@link current} is what they held when they last fitted together.
 *
 * It is followed for as long as somebody holds this object and has not closed it: who forgets a factory without
 * closing it leaves no watcher behind.
 */
export class LiveTrust {
  #current: CheckedTrustPolicy;
  readonly #sourced: Sourced | undefined;
  readonly #assertUsable: (policy: CheckedTrustPolicy) => void;
  #listeners: readonly TrustChanged[] = NOTHING;
  #stop: (() => void) | undefined;
  /** What the functions gave when they were last asked. */
  #answers: readonly unknown[] = NOTHING;
  #failure: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isReading = false;

  /**
   * @param assertUsable throws for a policy that no connection can be made with
   * @throws {TlsConfigError} if its sources cannot be read now
   */
  constructor(policy: CheckedTrustPolicy, assertUsable: (policy: CheckedTrustPolicy) => void) {
    this.#current = policy;
    this.#sourced = sourcedOf(policy);
    this.#assertUsable = assertUsable;
    if (this.#sourced === undefined) return;
    this.#stop = follow(this, this.#sourced);
    // What changed between the reading and the watching. A policy that was checked long ago may hold what has been
    // withdrawn since: that is no "last good material" of this factory.
    this.#answers = this.#ask();
    try {
      this.#read(this.#sourced);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get current(): CheckedTrustPolicy {
    return this.#current;
  }

  /** Whether it may change. */
  get isLive(): boolean {
    return this.#stop !== undefined;
  }

  onChange(listener: TrustChanged): void {
    this.#listeners = [...this.#listeners, listener];
  }

  /** Asks the functions among the sources. To be called before each request. */
  ask(): void {
    if (this.#stop === undefined || !hasFunctions(this.#sourced) || this.#isReading) return;
    const answers = this.#ask();
    if (answers.length > 0 && answers.every((one, i) => isSame(one, this.#answers[i]))) return;
    this.#answers = answers;
    this.refresh();
  }

  /** Reads all sources again. What cannot be used changes nothing, and is reported. */
  refresh(): void {
    if (this.#sourced === undefined || this.#stop === undefined || this.#isReading) return;
    this.#isReading = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    try {
      this.#read(this.#sourced);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
    }
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    clearTimeout(this.#retry);
  }

  #read(sourced: Sourced): void {
    const next = sourced.read();
    this.#assertUsable(next);
    this.#failure = undefined;
    this.#take(next);
  }

  #take(next: CheckedTrustPolicy): void {
    const before = this.#current;
    if (covers(next, before) && covers(before, next)) return;
    const keeps = coversServers(next, before);
    this.#current = next;
    const { anchors, pins } = next;
    publish('mcp-tls:source-changed', () => ({
      ...this.#about(),
      anchors: anchors.length,
      pins: pins.length,
      keeps,
    }));
    for (const listener of this.#listeners) listener({ keeps });
  }

  #fail(error: unknown): void {
    this.#retry = later(this);
    const message = error instanceof McpTlsError ? error.message : 'the sources cannot be read';
    if (message === this.#failure) return;
    this.#failure = message;
    const about = this.#about();
    publishOrWarn('mcp-tls:source-failed', `${message}; what was read before stays in use`, () => ({
      ...about,
      message,
    }));
  }

  #about(): { readonly files: readonly string[] } {
    const paths = (this.#sourced?.sources ?? []).map(({ path }) => path);
    return { files: paths.filter((path) => path !== undefined) };
  }

  #ask(): readonly unknown[] {
    const asked = (this.#sourced?.sources ?? []).filter(isFunction);
    return asked.map((source) => {
      try {
        const given = source.read();
        // Bytes may be written into by whoever gave them.
        return typeof given === 'string' ? given : Buffer.from(given);
      } catch {
        return undefined;
      }
    });
  }
}

const isFunction = ({ path }: Source): boolean => path === undefined;

function hasFunctions(sourced: Sourced | undefined): boolean {
  return sourced?.sources.some(isFunction) ?? false;
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' || a === undefined) return a === b;
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b);
}

/** Of live trust that nobody holds any more. */
const forgotten = new FinalizationRegistry<() => void>((stop) => stop());

/** Watches weakly. @returns ends it */
function follow(trust: LiveTrust, sourced: Sourced): () => void {
  const held = new WeakRef(trust);
  const refresh = (): void => held.deref()?.refresh();
  const ends = sourced.sources.flatMap(({ path }) =>
    path === undefined ? [] : [watchFile(path, refresh)],
  );
  if (hasFunctions(sourced)) {
    const timer = setInterval(() => held.deref()?.ask(), ASK_MS).unref();
    ends.push(() => clearInterval(timer));
  }
  const stop = (): void => {
    for (const end of ends.splice(0)) end();
  };
  // Nothing that the watcher holds may hold the trust.
  const token = {};
  forgotten.register(trust, stop, token);
  return () => {
    forgotten.unregister(token);
    stop();
  };
}

function later(trust: LiveTrust): NodeJS.Timeout {
  const held = new WeakRef(trust);
  return setTimeout(() => held.deref()?.refresh(), RETRY_MS).unref();
}
