import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type CertificateStore, fromFile } from '../../src/index.js';
import { createStoredCertificate } from '../../src/store/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import { ca, folder, memoryStore, newCa, oldCa, open, pemOf } from './record-sources-setup.js';

/** Records that name a bundle of authorities, as fleets do: all of them the same. */

const url = 'https://127.0.0.1:1/';

async function bundle(): Promise<string> {
  const made = [];
  for (let i = 0; i < 100; i++) {
    made.push(await heldCertificate({ isCa: true, commonName: `CA ${i}` }));
  }
  return pemOf(...made);
}

async function cpuOf(task: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** By pages of records, and by one at a time. */
const ways: [string, (store: CertificateStore) => CertificateStore][] = [
  ['of ours', (store) => store],
  [
    'of the host',
    ({ get, read, set, delete: remove, list }) => ({
      get,
      read,
      set,
      delete: remove,
      list,
    }),
  ],
];

it.each(ways)(
  'a list of a store %s parses a bundle once, and gives others their turn',
  async (_whose, as) => {
    const store = memoryStore();
    writeFileSync(ca, await bundle());
    const record = createStoredCertificate({ url, trust: { ca: fromFile(ca) } });
    await store.set('one', record);
    const registry = open({ store: as(store) });
    const { fingerprint } = (await registry.list())[0] as { fingerprint?: string };
    expect(fingerprint).toMatch(/^[0-9A-F:]{95}$/);
    const one = await cpuOf(() => registry.list());
    for (let i = 0; i < 60; i++) await store.set(`more ${i}`, record);
    await registry.list();
    let turns = 0;
    let going = true;
    const count = (): void => {
      turns += 1;
      if (going) setImmediate(count);
    };
    setImmediate(count);
    const all = await cpuOf(() => registry.list());
    going = false;
    expect(turns).toBeGreaterThan(60);
    expect(all).toBeLessThan(30 * one);
  },
);

it('a list shows of each record what its own file holds at that moment', async () => {
  const store = memoryStore();
  const another = join(folder, 'another.crt');
  writeFileSync(another, pemOf(newCa));
  await store.set('a', createStoredCertificate({ url, trust: { ca: fromFile(ca) } }));
  await store.set('b', createStoredCertificate({ url, trust: { ca: fromFile(another) } }));
  const registry = open({ store });
  const shown = async () =>
    (await registry.list()).map((entry) => 'url' in entry && entry.fingerprint);
  expect(await shown()).toEqual([oldCa?.fingerprint, newCa?.fingerprint]);
  writeFileSync(ca, pemOf(newCa));
  writeFileSync(another, 'half');
  expect(await shown()).toEqual([newCa?.fingerprint, undefined]);
});
