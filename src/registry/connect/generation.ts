import { isDeepStrictEqual } from 'node:util';
import {
  type CustomClientFactory,
  type FollowedFactory,
  makeFollowedFactory,
  readFactoryOptions,
} from '../../client/make-custom-client-factory.js';
import type { TimeoutOptions } from '../../client/timeouts.js';
import type { RouteOptions } from '../../connect/route.js';
import type { CheckedServerTrust } from '../../store/record/server-trust.js';
import { checkTrustPolicy } from '../../trust/check-trust-policy.js';
import { covers } from '../../trust/covers.js';

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
  readonly #current: FollowedFactory['current'];
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
    this.origin = new URL(record.url).origin;
    this.lastUsed = now;
    const options = readFactoryOptions({
      ...route,
      ...(record.proxy === undefined ? {} : { proxy: record.proxy }),
      ...(origins === undefined ? {} : { origins }),
      ...bounds,
    });
    const followed = makeFollowedFactory(policy, { ...options, id });
    this.factory = followed.factory;
    this.#current = followed.current;
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
      (saysTheSame(trust, this.trust) || coverEach(trust, this.#current()))
    );
  }

  /**
   * Whether `trust` trusts no more than these connections do, either. Never where one of them names files and the other
   * does so in other words: what the factory follows is what the record said when it was made.
   */
  isSameAs(trust: CheckedServerTrust): boolean {
    if (saysTheSame(trust, this.trust)) return true;
    if (trust.named.files.length > 0 || this.trust.named.files.length > 0) return false;
    return coverEach(this.#current(), trust);
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

/** `false` where nobody knows, since what `after` names cannot be read. */
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
