import type { Client, PriorDiscovery } from '@modelcontextprotocol/client';
import { invalidArgument } from '../assert.js';
import { type Declaration, declareOptions, readOptions, text } from '../options.js';
import { type CheckedServerTrust, isSameRecord } from '../store/record/server-trust.js';
import { assertId } from '../store/record-key.js';
import { coversServers } from '../trust/covers.js';

/** Whose discovery it is, beside the server's. */
export interface PriorOptions {
  /**
   * Who the client is authorized as, such as a user's id: what a server says of itself may be for one of them
   * only. Needed for transports with `auth`, `headers`, `authProvider` or `requestInit`. Default: nobody.
   */
  principal?: string | undefined;
  /** As the transport was made with. Default: the registered URL. */
  endpoint?: string | undefined;
}

/** Options for the `connect()` of a client of the MCP SDK v2. */
export interface PriorConnectOptions {
  /** What the server said of itself before. Left out: the client asks it. */
  readonly prior?: Extract<PriorDiscovery, { kind: 'modern' }>;
}

/** As much of a client as is asked. */
export type DiscoveredClient = Pick<Client, 'transport' | 'getDiscoverResult'>;

/** What a transport of the registry was made under. */
export interface MadeTransport {
  readonly id: string;
  readonly url: URL;
  readonly trust: CheckedServerTrust;
  readonly hasCredentials: boolean;
}

/** The trust and the URL of a server at this moment. */
export type ServerNow = (
  id: string,
  endpoint?: string,
) => Promise<{ readonly url: URL; readonly trust: CheckedServerTrust }>;

interface Made extends MadeTransport {
  readonly read: TrustRead;
}

interface Kept {
  readonly options: Required<PriorConnectOptions>;
  readonly trust: CheckedServerTrust;
  readonly read: TrustRead;
  /** By the monotonic clock. */
  readonly until: number;
}

/** How long a discovery is good for: a server's new capabilities and instructions wait as long. */
const KEPT_MS = 60 * 60 * 1_000;
const MAX_KEPT = 1_000;
/** Of JSON. `instructions` have no limit of their own. */
const MAX_CHARACTERS = 64 * 1_024;

/**
 * What servers said of themselves, for `connect(transport, { prior })`. In the memory of this process, not in
 * the records: there a server could write into what people approve, and each write would be announced to all
 * processes. A process asks each server once.
 *
 * A discovery is given out for the server, endpoint and principal that it came from alone, and under the very
 * record that its transport was made under: any write of that record ends it, and so does any change of what the files
 * hold that it names.
 */
export class PriorDiscoveries {
  readonly #now: ServerNow;
  readonly #made = new WeakMap<object, Made>();
  /** By {@link keyOf}, least recently used first. */
  readonly #kept = new Map<string, Kept>();

  constructor(now: ServerNow) {
    this.#now = now;
  }

  /** Notes what a transport was made under, so that what comes over it can be kept. */
  made<Transport extends object>(transport: Transport, under: MadeTransport): Transport {
    this.#made.set(transport, { ...under, read: readNow(under.trust) });
    return transport;
  }

  async prior(id: string, given: PriorOptions): Promise<PriorConnectOptions> {
    assertId(id);
    const { principal, endpoint } = readOptions(PRIOR, given);
    const { url, trust } = await this.#now(id, endpoint);
    const key = keyOf(id, url, principal);
    const kept = this.#kept.get(key);
    if (kept === undefined) return {};
    this.#kept.delete(key);
    if (performance.now() >= kept.until || !isSameTrust(kept, trust)) return {};
    this.#kept.set(key, kept);
    return kept.options;
  }

  async keep(client: DiscoveredClient, given: Pick<PriorOptions, 'principal'>): Promise<boolean> {
    const { principal } = readOptions(KEEP, given);
    const { transport } = client;
    const discover = client.getDiscoverResult();
    const under = transport && this.#made.get(transport);
    if (under === undefined || discover === undefined) return false;
    const { id, trust, read, hasCredentials } = under;
    if (hasCredentials && principal === undefined) {
      invalidArgument(
        `keepPrior: the transport of '${id}' was made with credentials, and options.principal is missing`,
        'Say whose they are, so that what the server told one is not taken for what it tells another.',
      );
    }
    const json = JSON.stringify(discover);
    if (json.length > MAX_CHARACTERS) return false;
    const { trust: present } = await this.#now(id);
    if (!isSameTrust(under, present)) return false;
    const key = keyOf(id, under.url, principal);
    // Given out by us, and adopted: it is as old as it was.
    if (this.#kept.get(key)?.options.prior.discover === discover) return true;
    const options = deepFreeze({ prior: { kind: 'modern' as const, discover: JSON.parse(json) } });
    this.#kept.delete(key);
    this.#kept.set(key, { options, trust, read, until: performance.now() + KEPT_MS });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return true;
  }

  /** Drops what was kept of a server, for every endpoint and principal. */
  forget(id: string): void {
    assertId(id);
    for (const key of this.#kept.keys()) if (JSON.parse(key)[0] === id) this.#kept.delete(key);
  }
}

const PRIOR: Declaration<PriorOptions> = declareOptions<PriorOptions>('prior: options', {
  principal: text(),
  endpoint: text(),
});

const KEEP: Declaration<Pick<PriorOptions, 'principal'>> = declareOptions<
  Pick<PriorOptions, 'principal'>
>('keepPrior: options', { principal: text() }, { elsewhere: { endpoint: 'the transport has it' } });

/** What a record means at one moment: where it names files, what they hold. */
type TrustRead = Pick<CheckedServerTrust, 'policy' | 'origins'> | undefined;

/** `undefined` where what it names cannot be read: then nothing is known to be the same. */
function readNow(trust: CheckedServerTrust): TrustRead {
  try {
    return { policy: trust.policy, origins: trust.origins };
  } catch {
    return undefined;
  }
}

function isSameTrust(
  before: { readonly trust: CheckedServerTrust; readonly read: TrustRead },
  trust: CheckedServerTrust,
): boolean {
  if (!isSameRecord(before.trust, trust)) return false;
  if (trust.named.files.length === 0) return true;
  const now = readNow(trust);
  if (before.read === undefined || now === undefined) return false;
  return trustsTheSame(before.read, now) && trustsTheSame(now, before.read);
}

function trustsTheSame(after: NonNullable<TrustRead>, before: NonNullable<TrustRead>): boolean {
  const { origins = {} } = before;
  return (
    coversServers(after.policy, before.policy) &&
    Object.entries(origins).every(([at, one]) => {
      const other = after.origins?.[at];
      return other !== undefined && coversServers(other, one);
    })
  );
}

function keyOf(id: string, url: URL, principal: string | undefined): string {
  return JSON.stringify([id, url.href, principal ?? null]);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
