import { isDeepStrictEqual } from 'node:util';
import {
  type CustomClientFactory,
  makeFactory,
  readFactoryOptions,
} from '../../client/make-custom-client-factory.js';
import type { TimeoutOptions } from '../../client/timeouts.js';
import type { RouteOptions } from '../../connect/route.js';
import type { CheckedServerTrust } from '../../store/record/server-trust.js';
import { checkTrustPolicy } from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { covers } from '../../trust/covers.js';
import { sourcedOf } from '../../trust/sourced.js';

/** What goes on using connections beyond its requests, and hears when they end. */
export interface Holder {
  /** `final`: there will be no others. */
  ended(why: string, final: boolean): void;
}

/** How the factories of a registry are made. */
export interface GenerationOptions {
  readonly route: RouteOptions;
  readonly timeout?: TimeoutOptions | undefined;
  readonly maxBodyBytes?: number | undefined;
  readonly maxConnections?: number | undefined;
}

type Policies = Pick<CheckedServerTrust, 'policy' | 'origins'>;

/**
 * The connections of one server under one trust: what runs over them began under it. Files that it names are followed
 * by the factory, for as long as there is one: what they lose ends connections here, without another generation.
 */
export class Generation {
  /** Of the record that the connections rest on; exchanged for one that trusts the same. */
  trust: CheckedServerTrust;
  readonly origin: string;
  readonly factory: CustomClientFactory;
  /** Requests under way. */
  active: number = 0;
  readonly holders: Set<Holder> = new Set();
  /** As it was when these began. */
  readonly #policies: Policies;
  /** By the monotonic clock. */
  lastUsed: number;
  /** Why whatever ran over them broke off; set once, when they were ended. */
  ended: string | undefined;

  constructor(
    id: string,
    trust: CheckedServerTrust,
    { route, ...bounds }: GenerationOptions,
    now: number,
  ) {
    const { record, policy, origins } = trust;
    this.trust = trust;
    this.#policies = { policy, origins };
    this.origin = new URL(record.url).origin;
    this.lastUsed = now;
    const options = readFactoryOptions({
      ...route,
      ...(record.proxy === undefined ? {} : { proxy: record.proxy }),
      ...(origins === undefined ? {} : { origins }),
      ...bounds,
    });
    this.factory = makeFactory(policy, { ...options, id });
  }

  get isFree(): boolean {
    return this.active === 0 && this.holders.size === 0;
  }

  /** Whether all that these connections rest on is trusted under `trust` too. */
  isCoveredBy(trust: CheckedServerTrust): boolean {
    const { record } = this.trust;
    return (
      this.origin === new URL(trust.record.url).origin &&
      record.proxy === trust.record.proxy &&
      (saysTheSame(trust, this.trust) || coverEach(trust, this.#now()))
    );
  }

  /** Whether `trust` trusts no more than these connections do, either, and rests on the same files. */
  isSameAs(trust: CheckedServerTrust): boolean {
    if (saysTheSame(trust, this.trust)) return true;
    const isFollowed = isDeepStrictEqual(trust.named.files, this.trust.named.files);
    return isFollowed && coverEach(this.#now(), trust);
  }

  /** What files hold that have changed since: what is in both is not compared with itself as it was. */
  #now(): Policies {
    const { policy, origins } = this.#policies;
    return {
      policy: latestOrSame(policy),
      origins:
        origins &&
        Object.fromEntries(Object.entries(origins).map(([at, one]) => [at, latestOrSame(one)])),
    };
  }

  /** @param graceMs for requests under way, before anything is ended */
  async end(why: string, final: boolean, graceMs = 0): Promise<void> {
    if (graceMs > 0) await this.factory.close({ graceMs }).catch(() => {});
    this.ended = why;
    for (const holder of this.holders) holder.ended(why, final);
    // Connections that could not be made (undici not loadable) leave nothing to close either.
    await this.factory.close().catch(() => {});
  }
}

/** The same words, of the same files: whatever these hold, it is the same. */
function saysTheSame(
  { record: a }: CheckedServerTrust,
  { record: b }: CheckedServerTrust,
): boolean {
  return isDeepStrictEqual([a.trust, a.origins], [b.trust, b.origins]);
}

function latestOrSame(policy: CheckedTrustPolicy): CheckedTrustPolicy {
  try {
    return sourcedOf(policy)?.read() ?? policy;
  } catch {
    // Missing, or half written: what was read last stays in use.
    return policy;
  }
}

/** `false` where it cannot be told, since what `after` names cannot be read. */
function coverEach(after: Policies, before: Policies): boolean {
  try {
    return covers(after.policy, before.policy) && coverOrigins(after.origins, before.origins);
  } catch {
    return false;
  }
}

function coverOrigins(after: Policies['origins'] = {}, before: Policies['origins'] = {}): boolean {
  // An origin without a policy of its own is reached by the default roots.
  const origins = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...origins].every((origin) => {
    const [next, last] = [after[origin], before[origin]];
    return covers(next ?? checkTrustPolicy(null), last ?? checkTrustPolicy(null));
  });
}
