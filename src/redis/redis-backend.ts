import { recordId } from '../store/record-key.js';
import { evicting, evictionPolicy } from '../store/redis-eviction.js';
import { expectationOf, FOUND, IS_EXPECTED } from '../store/redis-expected.js';
import type { StoreBackend } from '../store/store-backend.js';
import { isNoteKey } from '../store/store-notes.js';
import { toWriteError } from '../store/to-write-error.js';
import { type Acknowledgement, assertAcknowledged } from './acknowledgement.js';
import { type Announcements, CHANGES_FIELD, channelOf, hashOf } from './announcements.js';
import { isSingle } from './readiness.js';
import { headsOf, indexOf, memberOf, RecordIndex } from './record-index.js';
import type { RedisConnection } from './redis-client.js';
import type { RedisClientLike } from './redis-client-like.js';
import { sendCommand } from './send-command.js';
import { unlessForbidden } from './unless-forbidden.js';

/**
 * ARGV: field, what is expected, by two, the new value; channel and message, or empty; member of
 * the index, for a field that is added; head, or empty.
 * Returns 0: not as expected; 1: written; 2: written, and the message could not be published.
 *
 * In one step: a process that ends after writing has notified the others. The number of the change is kept
 * in the hash, so that whoever missed a message notices at the next one. What fails once the value is
 * written must not make it look unwritten, so it is caught.
 */
const REPLACE = `${IS_EXPECTED}
local now = redis.call('HGET', KEYS[1], ARGV[1])
if not isExpected(now, ARGV[2], ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
if not now then redis.pcall('ZADD', KEYS[2], 0, ARGV[7]) end
if ARGV[8] ~= '' then redis.pcall('HSET', KEYS[3], ARGV[1], ARGV[8]) end
if ARGV[5] == '' then return 1 end
local number = string.format('%.0f', (tonumber(redis.call('HGET', KEYS[1], '${CHANGES_FIELD}') or 0) or 0) + 1)
local counted = redis.pcall('HSET', KEYS[1], '${CHANGES_FIELD}', number)
local published = redis.pcall('PUBLISH', ARGV[5], ARGV[6] .. ' ' .. number)
if type(counted) == 'table' or type(published) == 'table' then return 2 end
return 1`;

const FIND = `local now = redis.call('HGET', KEYS[1], ARGV[1]) ${FOUND}`;

/**
 * Reading by a script, of clusters and sentinels: they send scripts to the master. What they know to be a reading they may send
 * to a replica (`useReplicas`, `replicaPoolSize`), which may be behind: it has withdrawn records still,
 * and not yet those that were acknowledged.
 */
const READ = "return redis.call('HMGET', KEYS[1], unpack(ARGV))";
/** The same, each as its digest, in one text: nothing where nothing is. */
const DIGESTS = `
local rows = redis.call('HMGET', KEYS[1], unpack(ARGV))
for i = 1, #rows do rows[i] = rows[i] and redis.sha1hex(rows[i]) or '' end
return table.concat(rows, ' ')`;
/** Of those that have a head, each as two: its digest, and the head. Nothing where the heads are no hash. */
const HEADS = `
local heads = redis.pcall('HMGET', KEYS[2], unpack(ARGV))
if heads.err and string.find(heads.err, 'WRONGTYPE', 1, true) then return false end
if heads.err then return heads end
local rows = redis.call('HMGET', KEYS[1], unpack(ARGV))
local both = {}
for i = 1, #rows do
  both[2 * i - 1] = rows[i] and heads[i] and redis.sha1hex(rows[i])
  both[2 * i] = heads[i]
end
return both`;
const KEYS = "return redis.call('HKEYS', KEYS[1])";

/** ARGV: field, value, member of the index, head or empty. It may be a field that is added. */
const WRITE = `
local added = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[4] ~= '' then redis.pcall('HSET', KEYS[3], ARGV[1], ARGV[4]) end
if added == 1 then redis.pcall('ZADD', KEYS[2], 0, ARGV[3]) end
return added`;

/**
 * The hash of one namespace, the sorted set of its names and the hash of its heads, in the same slot. Every operation is one command.
 *
 * @param announcements absent: nobody is notified of writes
 * @param acknowledgement absent: the master alone acknowledges
 */
export function redisBackend(
  connection: RedisConnection,
  namespace: string,
  announcements: Announcements | undefined,
  acknowledgement: Acknowledgement | undefined,
): StoreBackend {
  const hash = hashOf(namespace);
  const all = [hash, indexOf(namespace), headsOf(namespace)];
  const index = new RecordIndex(connection, namespace, fieldsOf);
  announcements?.made(namespace);
  let isSettled = false;

  /** @param run resolves with 0 if nothing was written */
  async function write(
    key: string,
    run: (client: RedisClientLike) => Promise<number>,
  ): Promise<number> {
    const answerOf = (client: RedisClientLike): Promise<number> =>
      run(client).catch((error) => {
        throw toWriteError(error);
      });
    // Notes are written often, and losing one costs nothing.
    if (acknowledgement === undefined || isNoteKey(key)) {
      return answerOf(await connection.ready());
    }
    return connection.lend(async (client) => {
      const answer = await answerOf(client);
      if (answer !== 0) await assertAcknowledged(client, hash, acknowledgement);
      return answer;
    });
  }

  async function fieldsOf(client: RedisClientLike): Promise<readonly string[]> {
    const fields = isSingle(client)
      ? await client.hKeys(hash)
      : ((await client.eval(KEYS, { keys: [hash], arguments: [] })) as readonly string[]);
    return fields.filter((key) => key !== CHANGES_FIELD);
  }

  /** Channel and message for a change of `key`: notes and the marker are in nobody's cache. */
  function announcementOf(key: string): readonly [string, string] {
    if (announcements === undefined || recordId(key) === undefined) return ['', ''];
    return [channelOf(namespace), `${announcements.self} ${key}`];
  }

  return {
    name: 'redis',
    async read(keys) {
      const client = await connection.ready();
      const call = { keys: [hash], arguments: [...keys] };
      const rows = isSingle(client)
        ? await client.hmGet(hash, [...keys])
        : ((await client.eval(READ, call)) as readonly (string | null)[]);
      return rows.map((row) => row ?? undefined);
    },
    async digests(keys) {
      const client = await connection.ready();
      const asked = client.eval(DIGESTS, { keys: [hash], arguments: [...keys] });
      const answer = await asked.catch(unlessForbidden);
      if (answer === undefined) return undefined;
      return String(answer)
        .split(' ')
        .map((digest) => (digest === '' ? undefined : digest));
    },
    async heads(keys) {
      const client = await connection.ready();
      const asked = client.eval(HEADS, { keys: [hash, headsOf(namespace)], arguments: [...keys] });
      const answer = await asked.catch(unlessForbidden);
      if (answer === undefined || answer === null) return undefined;
      const values = answer as readonly (string | null)[];
      return keys.map((_, i) => {
        const [digest, head] = [values[2 * i], values[2 * i + 1]];
        return digest == null || head == null ? undefined : { digest, head };
      });
    },
    keys: async () => fieldsOf(await connection.ready()),
    page: (after, limit) => index.page(after, limit),
    async write(key, value, head = '') {
      await write(key, async (client) => {
        await client.eval(WRITE, { keys: all, arguments: [key, value, memberOf(key), head] });
        return 1;
      });
    },
    async replace(key, expected, value, head = '') {
      const found = { keys: [hash], arguments: [key] };
      const answer = await write(key, async (client) => {
        const is = await expectationOf(expected, () => client.eval(FIND, found));
        if (is === undefined) return 0;
        const before = [key, ...is, value, ...announcementOf(key)];
        const call = { keys: all, arguments: [...before, memberOf(key), head] };
        const written = Number(await client.eval(REPLACE, call));
        if (written === 2) announcements?.failed(namespace, key);
        return written;
      });
      return answer !== 0;
    },
    /**
     * Once, where it may be asked: a store goes whole under such a setting, which is noticed by its marker, and
     * then all servers are without their records. So it is said before.
     */
    async checkSettings() {
      if (isSettled) return;
      const client = await connection.ready();
      const info = await infoOf(client, hash);
      const policy = info && evictionPolicy(info);
      if (policy) throw evicting(policy, 'a store goes whole then. Set noeviction');
      isSettled = true;
    },
    close() {
      index.close();
      return connection.close();
    },
  };
}

/** @returns `undefined` where this user may not ask, or this server has nothing to say */
async function infoOf(client: RedisClientLike, hash: string): Promise<string | undefined> {
  if (client.sendCommand === undefined) return undefined;
  try {
    return String(await sendCommand(client, hash, ['INFO', 'memory']));
  } catch (error) {
    return unlessForbidden(error);
  }
}
