import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { createCertificateStore } from '../../../src/index.js';
import { wrappedKeyProvider } from '../../../src/store/index.js';
import type { KeyProvider } from '../../../src/store/key-provider.js';
import { aKey, aRecord, codeOf } from './support.js';

/** What a key provider says of the keys that may stay. */

const SECRET = 'hvs.CAESI-secret';
const FAILED = 'MCP_TLS_STORE_UNAVAILABLE';

async function storeOver(isCurrent: () => unknown) {
  const { id, key } = aKey();
  const keys = { currentKey: async () => ({ id, key }), keyById: async () => key, isCurrent };
  const store = createCertificateStore({
    keys: keys as KeyProvider,
    storage: new Map<string, string>(),
    whenEmpty: 'create',
    timeout: { readMs: 300 },
  });
  await store.set('a', aRecord());
  return store;
}

it.each<[string, () => unknown]>([
  ['throws', () => failing()],
  ['rejects', async () => failing()],
])('a provider that %s is an error of the store, without its text', async (_, isCurrent) => {
  const store = await storeOver(isCurrent);
  const error = await store.rewrap().catch((error) => error);
  expect(error).toMatchObject({ name: 'StoreError', code: FAILED });
  expect(inspect(error, { depth: 9 })).not.toContain(SECRET);
});

function failing(): never {
  throw Object.assign(new Error(`boom ${SECRET}`), { config: { token: SECRET } });
}

it('only true and false are answers', async () => {
  for (const answer of [undefined, null, 0, 1, '', 'false', {}]) {
    for (const isCurrent of [() => answer, async () => answer]) {
      expect(await codeOf((await storeOver(isCurrent)).rewrap())).toBe(FAILED);
    }
    const keys = wrappedKeyProvider({
      wrap: async (key) => key,
      unwrap: async (key) => key,
      isCurrent: (() => answer) as never,
    });
    const storage = new Map<string, string>();
    const store = createCertificateStore({ keys, storage, whenEmpty: 'create' });
    await store.set('a', aRecord());
    expect(await codeOf(store.rewrap())).toBe(FAILED);
  }
  expect((await (await storeOver(() => true)).rewrap()).current).toBe(2);
  expect((await (await storeOver(async () => false)).rewrap()).rewrapped).toBe(2);
});

it('a provider that does not answer is given up at the deadline', async () => {
  const store = await storeOver(() => new Promise(() => {}));
  expect(await codeOf(store.rewrap())).toBe(FAILED);
});

it('a rewrap that waits for a provider is ended by its signal', async () => {
  const { id, key } = aKey();
  const ending = new AbortController();
  const keys = {
    currentKey: async () => ({ id, key }),
    keyById: async () => key,
    isCurrent: () => {
      ending.abort(new Error('operator'));
      return new Promise(() => {});
    },
  };
  const storage = new Map<string, string>();
  const store = createCertificateStore({ keys: keys as never, storage, whenEmpty: 'create' });
  await store.set('a', aRecord());
  await expect(store.rewrap({ signal: ending.signal })).rejects.toThrow('operator');
});
