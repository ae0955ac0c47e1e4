import { McpTlsError } from '../errors.js';
import type { ReadyTrust, TrustInput } from '../trust/trust-policy.js';
import type { CustomClient } from './custom-client.js';
import { closedError, failed } from './fetch-error.js';
import { isThenable } from './is-thenable.js';
import type { CustomClientFactory } from './make-custom-client-factory.js';
import { watchBody } from './make-response.js';
import { requestError } from './request-error.js';
import { abortedOf, untilOneAborts } from './signals.js';
import {
  checkGivenTrust,
  digestOfGiven,
  keyOfTrust,
  readGivenTrust,
  trustOfReady,
} from './trust-key.js';

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
  /** By what the trust means. */
  readonly key: string;
  /** Of how it was written last, so that the same need not be parsed again. */
  digest: string;
  readonly factory: CustomClientFactory;
  readonly client: CustomClient;
  /** Requests and answers that have not ended. */
  underWay: number;
}

/** What a look-up came to. */
type Verdict =
  | { readonly is: 'trust'; readonly current: Current }
  | { readonly is: 'no policy' }
  | { readonly is: 'failed'; readonly error: unknown };

const NO_POLICY: Verdict = { is: 'no policy' };

interface Origin {
  /** Look-ups that have not answered. */
  asking: number;
  /** The look-up whose verdict holds: the one that began last, of those that have answered. */
  applied: number;
  /** `undefined` until the first has answered, which says nothing of a policy. */
  verdict: Verdict | undefined;
}

/**
 * Clients by origin, each under what was last said of its trust.
 *
 * - An origin is listed while it is connected to or asked about, and for no longer.
 * - What began to be asked later holds, in whatever order the answers come: trust that was withdrawn is not
 *   brought back by a slow answer from before.
 * - Nothing is sent under trust that is not the one that holds.
 * - That there is no policy is a verdict like any other, and never what is left when another is gone. Only a
 *   request whose own look-up came to it, and which holds still, may go without one.
 */
export class OriginClients {
  /** Those used last stand last. */
  readonly #origins = new Map<string, Origin>();
  readonly #trustOf: TrustOfOrigin;
  readonly #make: (trust: ReadyTrust) => CustomClientFactory;
  readonly #closing = new AbortController();
  #lookUps = 0;

  constructor(trustOf: TrustOfOrigin, make: (trust: ReadyTrust) => CustomClientFactory) {
    this.#trustOf = trustOf;
    this.#make = make;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Sends under the trust of `origin`.
   *
   * @param signals each ends the look-up. What is sent has to heed them itself
   * @returns `undefined` if there is no policy for it: nothing was sent
   * @throws a signal's reason; errors of ours; what `send` rejects with
   */
  async request(
    origin: string,
    signals: readonly AbortSignal[],
    send: (client: CustomClient) => Promise<Response>,
  ): Promise<Response | undefined> {
    const verdict = await this.#lookUp(origin, signals, true);
    if (verdict.is === 'no policy') return undefined;
    const { current } = verdict;
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
    const open = [...this.#origins].filter(([, { verdict }]) => verdict?.is === 'trust');
    const asked = await Promise.allSettled(open.map(([origin]) => this.#lookUp(origin, [], false)));
    const failure = asked.find((one) => one.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async close(): Promise<void> {
    this.#closing.abort(failed(closedError('the fetch is closed')));
    const ending = [...this.#origins.values()];
    this.#origins.clear();
    await Promise.all(ending.map(({ verdict }) => end(verdict)));
  }

  /**
   * @param forRequest counts one as under way, before anybody else can come in between
   * @throws why it failed, or a later look-up that holds instead did
   */
  async #lookUp(
    origin: string,
    signals: readonly AbortSignal[],
    forRequest: boolean,
  ): Promise<Exclude<Verdict, { readonly is: 'failed' }>> {
    const state = this.#origins.get(origin) ?? { asking: 0, applied: 0, verdict: undefined };
    this.#origins.delete(origin);
    this.#origins.set(origin, state);
    this.#lookUps += 1;
    const number = this.#lookUps;
    state.asking += 1;
    try {
      const trust = await this.#ask(origin, signals);
      this.#closing.signal.throwIfAborted();
      const verdict = this.#settle(origin, state, number, trust);
      if (verdict.is === 'failed') throw verdict.error;
      if (forRequest && verdict.is === 'no policy' && trust !== undefined) throw withdrawn();
      if (forRequest && verdict.is === 'trust') verdict.current.underWay += 1;
      return verdict;
    } finally {
      state.asking -= 1;
      if (state.asking === 0 && state.verdict?.is !== 'trust') this.#forget(origin, state);
    }
  }

  async #ask(origin: string, signals: readonly AbortSignal[]): Promise<TrustInput | undefined> {
    const all = [...signals, this.#closing.signal];
    try {
      const given = this.#trustOf(origin);
      return isThenable(given) ? await untilOneAborts(Promise.resolve(given), all) : given;
    } catch (cause) {
      const aborted = abortedOf(all);
      if (aborted !== undefined) throw aborted.reason;
      throw cause instanceof McpTlsError ? cause : requestError('the trust function failed', cause);
    }
  }

  /** @returns the verdict that holds: that of this answer, or of a look-up that began later */
  #settle(origin: string, state: Origin, number: number, trust: TrustInput | undefined): Verdict {
    const before = state.verdict;
    if (before !== undefined && number < state.applied) return before;
    const verdict = this.#judge(origin, before, trust);
    state.applied = number;
    state.verdict = verdict;
    const isKept =
      before?.is === 'trust' && verdict.is === 'trust' && before.current === verdict.current;
    if (!isKept) void end(before);
    this.#makeRoom();
    return verdict;
  }

  /** Trust that says the same as before goes on with the connections that there are. */
  #judge(origin: string, before: Verdict | undefined, trust: TrustInput | undefined): Verdict {
    if (trust === undefined) return NO_POLICY;
    try {
      const given = readGivenTrust(trust);
      const digest = digestOfGiven(given);
      if (before?.is === 'trust' && digest === before.current.digest) return before;
      const ready = checkGivenTrust(given);
      const key = keyOfTrust(ready);
      if (before?.is === 'trust' && key === before.current.key) {
        before.current.digest = digest;
        return before;
      }
      const factory = this.#make(trustOfReady(ready));
      const client = factory({ url: origin });
      return { is: 'trust', current: { key, digest, factory, client, underWay: 0 } };
    } catch (error) {
      return { is: 'failed', error };
    }
  }

  #makeRoom(): void {
    if (this.#origins.size <= MAX_ORIGINS) return;
    for (const [origin, state] of this.#origins) {
      if (state.asking > 0 || isUnderWay(state.verdict)) continue;
      this.#forget(origin, state);
      void end(state.verdict);
      if (this.#origins.size <= MAX_ORIGINS) return;
    }
  }

  #forget(origin: string, state: Origin): void {
    if (this.#origins.get(origin) === state) this.#origins.delete(origin);
  }
}

function isUnderWay(verdict: Verdict | undefined): boolean {
  return verdict?.is === 'trust' && verdict.current.underWay > 0;
}

/** Ends what runs under it. */
async function end(verdict: Verdict | undefined): Promise<void> {
  if (verdict?.is === 'trust') await verdict.current.factory.close();
}

/** For a request that was to be sent under a policy, and must not go without one. */
function withdrawn(): McpTlsError {
  return closedError('the trust for the origin was withdrawn while the request was looking it up');
}
