import { recordId } from '../store/record-key.js';
import type { RecordPage } from '../store/store-backend.js';
import { CHANGES_FIELD, hashOf } from './announcements.js';
import type { RedisConnection } from './redis-client.js';
import type { RedisClientLike } from './redis-client-like.js';
import { unlessForbidden } from './unless-forbidden.js';

/** The sorted set of a namespace's names. In braces, what decides on its slot: that of the hash. */
export const indexOf = (namespace: string): string => `mcp-tls:names:{${hashOf(namespace)}}`;

/** The hash of the heads of its rows. */
export const headsOf = (namespace: string): string => `mcp-tls:heads:{${hashOf(namespace)}}`;

const RECORD = 'r';

/** Sorts as ids do, by UTF-16 code units. */
const sortKey = (id: string): string =>
  RECORD + Buffer.from(id, 'utf16le').swap16().toString('hex');

/** What stands for a key of the hash in its index. */
export function memberOf(key: string): string {
  const id = recordId(key);
  return id === undefined ? key : sortKey(id);
}

/** `undefined` for what is no record's. */
function idOf(member: string): string | undefined {
  if (!/^r(?:[0-9a-f]{4})+$/.test(member)) return undefined;
  return Buffer.from(member.slice(1), 'hex').swap16().toString('utf16le');
}

/**
 * ARGV: where to begin, how many. Nothing where the index is not that of the hash: it has a member for each
 * field, and both grow in one step. What is missing from it, the marker too, makes it shorter. Nor where it is no
 * sorted set.
 */
const PAGE = `
local size = redis.pcall('ZCARD', KEYS[2])
if type(size) == 'table' and string.find(size.err, 'WRONGTYPE', 1, true) then return false end
if type(size) == 'table' then return size end
local fields = redis.call('HLEN', KEYS[1])
if redis.call('HGET', KEYS[1], '${CHANGES_FIELD}') then fields = fields - 1 end
if fields ~= size then return false end
if not redis.call('ZSCORE', KEYS[2], '0marker') then return false end
local names = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
return { names, redis.call('ZLEXCOUNT', KEYS[2], ARGV[1], '+') - #names }`;

const CLEAR = "return redis.call('ZREMRANGEBYLEX', KEYS[1], '-', '+')";
const ADD = "for i = 1, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[i]) end return 1";
const ADDED_AT_ONCE = 500;
/** How soon an index is made anew that was made before and is not that of the hash all the same. */
const AGAIN_MS = 60_000;

/**
 * The names of a namespace's records in their order, so that a page of them costs what is on it.
 *
 * The scripts that write add to it in the same step, and nothing ever takes a name away. So it is used as long as
 * it has as many members as the hash has fields. It has not where rows came past this library, such as from a
 * backup of the hash alone: then a page is taken from all names, and the index made anew meanwhile. First
 * emptied, then filled with the fields that are there after that: whatever others add or make anew at the same
 * time, none is left out for good.
 */
export class RecordIndex {
  readonly #connection: RedisConnection;
  readonly #keys: [hash: string, index: string];
  readonly #fields: (client: RedisClientLike) => Promise<readonly string[]>;
  #madeAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @param fields names of all fields of the hash that have a member */
  constructor(
    connection: RedisConnection,
    namespace: string,
    fields: (client: RedisClientLike) => Promise<readonly string[]>,
  ) {
    this.#connection = connection;
    this.#keys = [hashOf(namespace), indexOf(namespace)];
    this.#fields = fields;
  }

  async page(after: string | undefined, limit: number): Promise<RecordPage | undefined> {
    const client = await this.#connection.ready();
    const from = after === undefined ? `[${RECORD}` : `(${sortKey(after)}`;
    const asked = client.eval(PAGE, { keys: this.#keys, arguments: [from, `${limit}`] });
    const answer = await asked.catch(unlessForbidden);
    if (answer === null) this.#makeAnew().catch(() => {});
    if (answer === null || answer === undefined) return undefined;
    const [members, left] = answer as readonly [readonly string[], unknown];
    const ids = members.map(idOf);
    // One that is no record's is found, and named, by whoever reads all of them.
    return ids.includes(undefined) ? undefined : { ids: ids as string[], left: Number(left) };
  }

  close(): void {
    this.#isClosed = true;
  }

  async #makeAnew(): Promise<void> {
    const now = performance.now();
    if (now - this.#madeAt < AGAIN_MS) return;
    this.#madeAt = now;
    const client = await this.#connection.ready();
    const keys = this.#keys.slice(1);
    await client.eval(CLEAR, { keys, arguments: [] });
    const members = (await this.#fields(client)).map(memberOf);
    for (let done = 0; done < members.length && !this.#isClosed; done += ADDED_AT_ONCE) {
      const some = members.slice(done, done + ADDED_AT_ONCE);
      await client.eval(ADD, { keys, arguments: some });
    }
  }
}
