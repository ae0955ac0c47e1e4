import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { createStorage } from '../../../src/store/index.js';
import { keyvBackend } from '../../../src/store/keyv-backend.js';
import { aKey, aRecord, codeOf } from './support.js';

/** After `close()` no backend is asked, whatever was under way: its connection would be opened again. */

async function furnished(count = 2) {
  const rows = new Map<string, string>();
  const plain = keyvBackend(rows, 'certificates');
  const asked = { closed: false, since: [] as string[], published: 0 };
  let gate: Promise<unknown> = Promise.resolve();
  const note = async (what: string) => {
    if (asked.closed) asked.since.push(what);
    await gate;
  };
  const storage = createStorage({
    backend: () => ({
      ...plain,
      read: async (keys) => {
        await note('read');
        return plain.read(keys);
      },
      keys: async () => {
        await note('keys');
        return plain.keys();
      },
      replace: async (...of) => {
        await note('replace');
        return (await plain.replace?.(...of)) as boolean;
      },
      close: async () => {
        asked.closed = true;
      },
    }),
    invalidation: {
      subscribe: async () => {},
      publish: async () => {
        if (asked.closed) asked.since.push('publish');
      },
      close: async () => {},
    },
  });
  const keys = aKey();
  const store = createCertificateStore({ keys, storage, whenEmpty: 'create' });
  const record = aRecord();
  for (let i = 0; i < count; i++) await store.set(`s${i}`, record);
  /** What is asked waits until this is called. */
  const hold = (): (() => void) => {
    let go = () => {};
    gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    return go;
  };
  return { store, asked, hold };
}

it('every call, notes included, rejects', async () => {
  const { store, asked } = await furnished();
  await store.close();
  const calls = [
    store.notes.update('x', () => 1),
    store.notes.read(['x']),
    store.get('s0'),
    store.list(),
    store.rewrap(),
    store.initialize(),
    store.delete('s0'),
  ];
  expect(new Set(await Promise.all(calls.map(codeOf)))).toEqual(new Set(['MCP_TLS_CLOSED']));
  expect(asked.since).toEqual([]);
});

it('what is in the middle of the store ends there', async () => {
  const { store, asked } = await furnished(250);
  const batches = store.trusts({})[Symbol.asyncIterator]();
  expect((await batches.next()).value?.done).toBe(200);
  let seen = 0;
  const onProgress = () => {
    if (seen++ === 0) void store.close();
  };
  expect(await codeOf(store.rewrap({ onProgress }))).toBe('MCP_TLS_CLOSED');
  expect(await codeOf(batches.next())).toBe('MCP_TLS_CLOSED');
  expect(asked.since).toEqual([]);
});

it('a write that has only read so far is not made, and not announced', async () => {
  const { store, asked, hold } = await furnished();
  const go = hold();
  const codes = [store.set('s0', aRecord()), store.delete('s1')].map(codeOf);
  await new Promise(setImmediate);
  const closing = store.close();
  go();
  await closing;
  expect(await Promise.all(codes)).toEqual(['MCP_TLS_CLOSED', 'MCP_TLS_CLOSED']);
  expect(asked.since).toEqual([]);
});
