import { describe, expect, it } from 'vitest';
import type { CertificateStore } from '../../../src/index.js';
import { makeTrustReader } from '../../../src/registry/connect/trust-reader.js';
import { listServers } from '../../../src/registry/list-servers.js';
import { aRecord } from '../store/support.js';

/** A store of a host application, with nothing but what every store has to have. */
function storeOf(ids: readonly string[], broken: readonly string[] = []): CertificateStore {
  const record = aRecord();
  return {
    async get(id) {
      if (broken.includes(id)) throw new Error('the table is locked');
      return ids.includes(id) ? record : undefined;
    },
    // All of them, in the order of the table, whatever page was asked for.
    list: async () => ids.map((id) => ({ id, revision: 1 })),
    read: () => Promise.reject(new Error('not asked for by a list')),
    set: () => Promise.reject(new Error('not asked for by a list')),
    delete: () => Promise.reject(new Error('not asked for by a list')),
  };
}

const idsOf = async (store: CertificateStore, options = {}) =>
  (await listServers(store, makeTrustReader(store), options)).map(({ id }) => id);

describe('a list of servers over a store of the host application', () => {
  it('is in the order of the ids, and no longer than the page that was asked for', async () => {
    const store = storeOf(['c', 'a', 'd', 'b']);
    expect(await idsOf(store)).toEqual(['a', 'b', 'c', 'd']);
    expect(await idsOf(store, { limit: 2 })).toEqual(['a', 'b']);
    expect(await idsOf(store, { after: 'b' })).toEqual(['c', 'd']);
    expect(await idsOf(store, { after: 'd' })).toEqual([]);
  });

  it('has an entry with a StoreError for a record that cannot be read', async () => {
    const store = storeOf(['a', 'b'], ['b']);
    const [first, second] = await listServers(store, makeTrustReader(store), {});
    expect(first).toMatchObject({ id: 'a', url: 'https://mcp.example/mcp' });
    expect(second).toMatchObject({
      id: 'b',
      error: { name: 'StoreError', code: 'MCP_TLS_STORE_UNAVAILABLE' },
    });
  });

  it('leaves out a record that was deleted after the ids were listed', async () => {
    const store = {
      ...storeOf(['a']),
      list: async () => [
        { id: 'a', revision: 1 },
        { id: 'gone', revision: 2 },
      ],
    };
    expect(await idsOf(store)).toEqual(['a']);
  });

  it('reports its progress, and fails where that fails', async () => {
    const store = storeOf(['a', 'b']);
    const seen: number[][] = [];
    await idsOf(store, { onProgress: (done: number, total: number) => seen.push([done, total]) });
    expect(seen).toEqual([[2, 2]]);
    const onProgress = () => Promise.reject(new Error('no'));
    await expect(idsOf(store, { onProgress })).rejects.toThrow('no');
  });
});
