import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../store/deadline.js';
import type { InvalidationEvent } from '../store/invalidation.js';
import { recordId } from '../store/record-key.js';
import { CHANGES_FIELD, channelOf, hashOf } from './announcements.js';
import type { RedisConnection, RedisSubscriber } from './redis-client.js';

/** How often the path is tried, and how soon a message has to come through. */
const BEAT_MS = 3_000;
const BEAT_WAIT_MS = 2_000;
const OPEN_MS = 5_000;
const RETRY_MS = 1_000;

/**
 * Publishes to this process alone how many changes there were. ARGV: channel, message. Returns 0 if
 * publishing is refused.
 */
const BEAT = `
local number = redis.call('HGET', KEYS[1], '${CHANGES_FIELD}') or '0'
local published = redis.pcall('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. number)
if type(published) == 'table' then return 0 end
return 1`;

export interface ListenerDeps {
  readonly connection: RedisConnection;
  readonly namespace: string;
  /** The name under which this process sends: it needs no message about its own changes. */
  readonly self: string;
  readonly listener: (event: InvalidationEvent) => void;
}

/**
 * Listens to the changes of one namespace, for as long as it is not closed.
 *
 * Messages may be lost in ways that nobody reports: a firewall forgets the connection, the node that
 * holds the subscription dies, a client connects anew. So the path is tried from one end to the other:
 * every 3 s a message to this process alone is published, which says how many changes were announced.
 * One that does not come: the path is dead, `'lost'`, and the subscription is made anew. One that reports
 * more changes than were heard of: `'reset'`.
 *
 * Invariants: `#isHeard` is true from a `'reset'` to the next `'lost'`. `#number` is the number of the
 * last change that was announced, as far as it was heard; `undefined` before the first.
 */
export class RedisListener {
  /** Resolved when messages come in for the first time. */
  readonly heard: Promise<void>;
  readonly #deps: ListenerDeps;
  readonly #ended = new AbortController();
  #isHeard = false;
  #number: number | undefined;
  #awaited:
    | { readonly beat: string; readonly resolve: () => void; readonly reject: () => void }
    | undefined;
  #onHeard: () => void = () => {};
  #subscriber: RedisSubscriber | undefined;
  #canBeat = true;

  constructor(deps: ListenerDeps) {
    this.#deps = deps;
    this.heard = new Promise((resolve) => {
      this.#onHeard = resolve;
    });
    this.#listen().catch(() => {});
  }

  close(): void {
    this.#ended.abort();
    this.#awaited?.reject();
    this.#release();
    this.#onHeard();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await this.#open();
        await this.#beat();
        this.#reset();
        while (!signal.aborted) {
          await sleep(BEAT_MS, undefined, { ref: false, signal });
          await this.#beat();
        }
      } catch {
        // Closed, or the path is dead. The connection may still look alive.
        this.#release();
        this.#lose();
      }
      await sleep(RETRY_MS, undefined, { ref: false, signal });
    }
  }

  async #open(): Promise<void> {
    const subscriber = await this.#deps.connection.subscriber();
    this.#ended.signal.throwIfAborted();
    this.#subscriber = subscriber;
    // At every connection that it makes by itself, after the subscription was renewed.
    subscriber.onReady(() => this.#isHeard && this.#reset());
    await withDeadline(async () => {
      await subscriber.connect();
      await subscriber.subscribe(channelOf(this.#deps.namespace), this.#hear);
      this.#canBeat = true;
      await subscriber.subscribe(this.#ownChannel, this.#hearBeat).catch(this.#ifForbidden);
    }, OPEN_MS);
    // Closed meanwhile: it is released below, open by now.
    this.#ended.signal.throwIfAborted();
  }

  /** Where no message to oneself is allowed, the path cannot be tried, and is taken to be alive. */
  readonly #ifForbidden = (error: unknown): void => {
    if (!(error instanceof Error) || !/^NOPERM\b/.test(error.message)) throw error;
    this.#canBeat = false;
  };

  get #ownChannel(): string {
    return `${channelOf(this.#deps.namespace)}:${this.#deps.self}`;
  }

  readonly #hear = (message: string): void => {
    const [sender, key = '', number = ''] = message.split(' ');
    this.#count(Number(number), true);
    if (sender === this.#deps.self) return;
    const id = recordId(key);
    this.#announce(id === undefined ? { type: 'reset' } : { type: 'changed', id });
  };

  readonly #hearBeat = (message: string): void => {
    const [beat = '', number = ''] = message.split(' ');
    this.#count(Number(number), false);
    if (beat === this.#awaited?.beat) this.#awaited.resolve();
  };

  /** @param isChange whether the message announced the change of this number */
  #count(number: number, isChange: boolean): void {
    // Anybody may publish anything: what is no number proves nothing.
    if (!Number.isSafeInteger(number) || number < 0) return;
    if (isChange && number === 0) return;
    const expected = this.#number === undefined ? number : this.#number + Number(isChange);
    this.#number = number;
    if (number !== expected) this.#reset();
  }

  /** @throws if the message does not come through */
  async #beat(): Promise<void> {
    if (!this.#canBeat) return;
    const beat = `${performance.now()}`;
    const arrived = new Promise<void>((resolve, reject) => {
      this.#awaited = { beat, resolve, reject };
    });
    // Given up at the deadline or when it is closed, it has nobody to report to.
    arrived.catch(() => {});
    await withDeadline(async () => {
      const client = await this.#deps.connection.ready();
      const call = { keys: [hashOf(this.#deps.namespace)], arguments: [this.#ownChannel, beat] };
      const answer = await client.eval(BEAT, call).catch(this.#ifForbidden);
      if (Number(answer) === 0) this.#canBeat = false;
      if (this.#canBeat) await arrived;
    }, BEAT_WAIT_MS);
  }

  #reset(): void {
    this.#isHeard = true;
    this.#announce({ type: 'reset' });
    this.#onHeard();
  }

  #lose(): void {
    if (!this.#isHeard) return;
    this.#isHeard = false;
    this.#announce({ type: 'lost' });
  }

  #announce(event: InvalidationEvent): void {
    if (!this.#ended.signal.aborted) this.#deps.listener(event);
  }

  #release(): void {
    this.#subscriber?.release();
    this.#subscriber = undefined;
  }
}
