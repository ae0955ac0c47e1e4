import { untilAborted } from '../connect/limit.js';
import { McpTlsError } from '../errors.js';
import type { TrustInput } from '../trust/trust-policy.js';
import type { CustomClient } from './custom-client.js';
import { closedError, failed } from './fetch-error.js';
import type { CustomClientFactory } from './make-custom-client-factory.js';
import { watchBody } from './make-response.js';
import { requestError } from './request-error.js';
import { trustKey } from './trust-key.js';

/**
 * The trust for one origin (`https://10.0.0.5:8443`, lower case, without a default port). `undefined`: there
 * is no policy for it. `null`: the default roots, under our rules of redirects.
 */
export type TrustOfOrigin = (
  origin: string,
) => TrustInput | undefined | Promise<TrustInput | undefined>;

/** More than any host has servers. Beyond it, those go that are idle and were not used for longest. */
const MAX_ORIGINS = 1_024;

/** The connections to one origin under one trust. */
interface Current {
  readonly key: string;
  readonly factory: CustomClientFactory;
  readonly client: CustomClient;
  /** Requests and answers that have not ended. */
  underWay: number;
}

interface Origin {
  /** Look-ups that have not answered. */
  asking: number;
  /** The look-up whose answer holds: the one that began last, of those that have answered. */
  applied: number;
  current: Current | undefined;
}

/**
 * Clients by origin, each under what was last said of its trust.
 *
 * - An origin is listed while it is connected to or asked about, and for no longer.
 * - What began to be asked later holds, in whatever order the answers come: trust that was withdrawn is not
 *   brought back by a slow answer from before.
 * - Nothing is sent under trust that is not the one that holds.
 */
export class OriginClients {
  /** Those used last stand last. */
  readonly #origins = new Map<string, Origin>();
  readonly #trustOf: TrustOfOrigin;
  readonly #make: (trust: TrustInput) => CustomClientFactory;
  readonly #closing = new AbortController();
  #lookUps = 0;

  constructor(trustOf: TrustOfOrigin, make: (trust: TrustInput) => CustomClientFactory) {
    this.#trustOf = trustOf;
    this.#make = make;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Sends under the trust of `origin`.
   *
   * @returns `undefined` if there is no policy for it: nothing was sent
   * @throws the signal's reason; errors of ours; what `send` rejects with
   */
  async request(
    origin: string,
    signal: AbortSignal | undefined,
    send: (client: CustomClient) => Promise<Response>,
  ): Promise<Response | undefined> {
    const current = await this.#lookUp(origin, signal, true);
    if (current === undefined) return undefined;
    const done = (): void => {
      current.underWay -= 1;
    };
    let response: Response;
    try {
      response = await send(current.client);
    } catch (error) {
      done();
      throw error;
    }
    if (!watchBody(response, { complete: done })) done();
    return response;
  }

  /** Asks for the trust of all that is connected to. @throws the first error, after all were asked */
  async refresh(): Promise<void> {
    const open = [...this.#origins].filter(([, { current }]) => current !== undefined);
    const asked = await Promise.allSettled(
      open.map(([origin]) => this.#lookUp(origin, undefined, false)),
    );
    const failure = asked.find((one) => one.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async close(): Promise<void> {
    this.#closing.abort(failed(closedError('the fetch is closed')));
    const ending = [...this.#origins.values()];
    this.#origins.clear();
    await Promise.all(ending.map((one) => retire(one)));
  }

  /** @param forRequest counts one as under way, before anybody else can come in between */
  async #lookUp(
    origin: string,
    signal: AbortSignal | undefined,
    forRequest: boolean,
  ): Promise<Current | undefined> {
    const state = this.#origins.get(origin) ?? { asking: 0, applied: 0, current: undefined };
    this.#origins.delete(origin);
    this.#origins.set(origin, state);
    this.#lookUps += 1;
    const number = this.#lookUps;
    state.asking += 1;
    try {
      const trust = await this.#ask(origin, signal);
      this.#closing.signal.throwIfAborted();
      if (number > state.applied) {
        state.applied = number;
        this.#apply(origin, state, trust);
      }
      if (forRequest && state.current !== undefined) state.current.underWay += 1;
      return state.current;
    } finally {
      state.asking -= 1;
      if (state.asking === 0 && state.current === undefined) this.#forget(origin, state);
    }
  }

  async #ask(origin: string, signal: AbortSignal | undefined): Promise<TrustInput | undefined> {
    const ending = this.#closing.signal;
    const signals = signal === undefined ? ending : AbortSignal.any([signal, ending]);
    try {
      const given = this.#trustOf(origin);
      return isThenable(given) ? await untilAborted(Promise.resolve(given), signals) : given;
    } catch (cause) {
      if (signals.aborted) throw signals.reason;
      throw cause instanceof McpTlsError ? cause : requestError('the trust function failed', cause);
    }
  }

  /** @throws {TlsConfigError} for trust that is none: what was there before does not hold either */
  #apply(origin: string, state: Origin, trust: TrustInput | undefined): void {
    const key = trust === undefined ? undefined : trustKey(trust);
    if (key === state.current?.key) return;
    void retire(state);
    if (trust === undefined || key === undefined) return;
    const factory = this.#make(trust);
    state.current = { key, factory, client: factory({ url: origin }), underWay: 0 };
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#origins.size <= MAX_ORIGINS) return;
    for (const [origin, state] of this.#origins) {
      if (state.asking > 0 || (state.current?.underWay ?? 0) > 0) continue;
      this.#forget(origin, state);
      void retire(state);
      if (this.#origins.size <= MAX_ORIGINS) return;
    }
  }

  #forget(origin: string, state: Origin): void {
    if (this.#origins.get(origin) === state) this.#origins.delete(origin);
  }
}

/** Ends what runs under the trust that an origin had. */
async function retire(state: Origin): Promise<void> {
  const { current } = state;
  state.current = undefined;
  await current?.factory.close();
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
