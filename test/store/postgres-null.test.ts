import { KeyvPostgres } from '@keyv/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCertificateStore } from '../../src/index.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type PostgresServer, startPostgres } from './support/start-postgres.js';

/** A row of @keyv/postgres that is there and holds NULL, as an UPDATE or a masked restore leaves it. */

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());

async function furnished(table: string) {
  const adapter = new KeyvPostgres({ uri: postgres.url, table, maxUses: 1 });
  adapter.on('error', () => {});
  const keys = aKey();
  const open = () => createCertificateStore({ keys, storage: adapter, cache: { ttlMs: 0 } });
  const store = open();
  await store.initialize();
  for (const id of ['a', 'b']) await store.set(id, aRecord());
  await postgres.query(`UPDATE ${table} SET value = NULL WHERE key NOT LIKE '%0marker'`);
  return { open, known: store };
}

it('is damaged and not absent, whoever reads it', async () => {
  const { open, known } = await furnished('read_null');
  for (const store of [known, open()]) {
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await codeOf(store.read('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await codeOf(store.list({ limit: 1 }))).toBe('MCP_TLS_STORE_TAMPERED');
    expect(await store.get('none')).toBeUndefined();
    expect((await store.rewrap()).failed.map(({ error }) => error.code)).toEqual([
      'MCP_TLS_STORE_TAMPERED',
      'MCP_TLS_STORE_TAMPERED',
    ]);
  }
});

it('is withdrawn as any other that cannot be read', async () => {
  const { open, known } = await furnished('delete_null');
  expect(await known.delete('a')).toBe(true);
  expect(await open().delete('b')).toBe(true);
  expect(await open().list()).toEqual([]);
  await open().set('a', aRecord());
  expect(await known.get('a')).toBeDefined();
});

it("in the marker's place is no store that is not set up", async () => {
  const { open } = await furnished('marker_null');
  await postgres.query('UPDATE marker_null SET value = NULL');
  expect(await codeOf(open().get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
  expect(await codeOf(open().initialize())).toBe('MCP_TLS_STORE_TAMPERED');
});
