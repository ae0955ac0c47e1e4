import { expect, it } from 'vitest';
import { createCertificateStore, createServerRegistry } from '../../../src/index.js';
import { aKey, aRecord } from './support.js';

/** A callback that fails fails its call, at once or later: nobody else would hear of it. */

it.each<[string, () => unknown]>([
  ['throws', () => failing()],
  ['rejects', async () => failing()],
])('a progress callback that %s rejects the call', async (_, onProgress) => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on('unhandledRejection', hear);
  const storage = new Map<string, string>();
  const store = createCertificateStore({ keys: aKey(), storage, whenEmpty: 'create' });
  await store.set('a', aRecord());
  const registry = createServerRegistry({ store });
  const plain = createServerRegistry({
    store: Object.assign(Object.create(store), { trusts: undefined }),
  });
  const options = { onProgress: onProgress as () => void };
  await expect(store.rewrap(options)).rejects.toThrow('display');
  await expect(registry.list(options)).rejects.toThrow('display');
  await expect(plain.list(options)).rejects.toThrow('display');
  await new Promise(setImmediate);
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
  await registry.close();
  await plain.close();
});

function failing(): never {
  throw new Error('the display is gone');
}

it('the next rows wait for what a progress callback promises', async () => {
  const storage = new Map<string, string>();
  const store = createCertificateStore({ keys: aKey(), storage, whenEmpty: 'create' });
  const record = aRecord();
  for (let i = 0; i < 250; i++) await store.set(`s${i}`, record);
  const steps: string[] = [];
  const onProgress = async (done: number) => {
    steps.push(`begins ${done}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    steps.push(`ends ${done}`);
  };
  await store.rewrap({ onProgress: onProgress as never });
  expect(steps).toEqual(['begins 200', 'ends 200', 'begins 251', 'ends 251']);
});
