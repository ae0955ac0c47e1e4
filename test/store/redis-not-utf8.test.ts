import { randomUUID } from 'node:crypto';
import KeyvRedis from '@keyv/redis';
import { Keyv } from 'keyv';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { recordKey } from '../../src/store/record-key.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** Rows in Redis that are no UTF-8: clients read them with loss, so that no text that was read is equal to one. */

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
}, 60_000);
afterAll(() => redis.stop());

const PLACES = [
  {
    name: 'redisStorage',
    storage: () => redisStorage(redis.url),
    rowOf: (namespace: string) => ['HSET', `mcp-tls:${namespace}`, recordKey('a')],
  },
  {
    name: 'Keyv over Redis',
    storage() {
      const adapter = new KeyvRedis(redis.url);
      onTestFinished(() => adapter.disconnect());
      return new Keyv(adapter);
    },
    rowOf: (namespace: string) => ['SET', `keyv::${namespace}.${recordKey('a')}`],
  },
];

describe.each(PLACES)('a row that is not UTF-8, with $name', ({ storage, rowOf }) => {
  async function damaged() {
    const namespace = `u-${randomUUID().slice(0, 8)}`;
    const keys = aKey();
    const open = () => {
      const store = createCertificateStore({ keys, namespace, storage: storage() });
      onTestFinished(() => store.close());
      return store;
    };
    const writer = open();
    await writer.initialize();
    for (const id of ['a', 'b']) await writer.set(id, aRecord());
    const [command, ...place] = rowOf(namespace) as [string, ...string[]];
    const arguments_ = place.map((_, i) => `ARGV[${i + 1}]`).join(', ');
    /** @param bytes as Lua has them in a text */
    const put = (bytes: string) =>
      redis.command(
        'EVAL',
        `return redis.call('${command}', ${arguments_}, '${bytes}')`,
        ...['0', ...place],
      );
    await put('\\255\\254A');
    return { open, writer, put };
  }

  it('is damaged for whoever reads it, and deleted by whoever deletes it', async () => {
    const { open, writer } = await damaged();
    expect(await codeOf(open().get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await open().delete('a')).toBe(true);
    expect(await open().get('a')).toBeUndefined();
    expect((await writer.list()).map(({ id }) => id)).toEqual(['b']);
    await open().set('a', aRecord());
    expect(await writer.get('a')).toBeDefined();
  });

  it('that holds U+FFFD itself, or bytes that are read as the same text, is deleted', async () => {
    const { open, put } = await damaged();
    for (const bytes of ['\\239\\191\\189', '\\254\\255A', '\\239\\191\\189\\255', '\\128']) {
      await put(bytes);
      expect(await codeOf(open().get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
      expect(await open().delete('a')).toBe(true);
      expect(await open().get('a')).toBeUndefined();
    }
  });
});
