import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
} from '../../../src/index.js';
import { createStorage, type InvalidationEvent } from '../../../src/store/index.js';
import { MARKER_KEY } from '../../../src/store/store-marker.js';
import { isNoteKey } from '../../../src/store/store-notes.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { eventually, freePort } from '../../support/waiting.js';
import { aKey, aRecord } from '../store/support.js';

const SERVERS = 300;
const NOTES = 64;

/** Rows that several stores share, and what was read of them. */
function counted(digests: boolean) {
  const rows = new Map<string, string>();
  const read = { notes: 0, records: 0 };
  let missed: (event: InvalidationEvent) => void = () => {};
  const keys = aKey();
  const storage = createStorage({
    backend: () => ({
      name: 'counted',
      async read(keys) {
        read.notes += keys.filter(isNoteKey).length;
        read.records += keys.filter((key) => !isNoteKey(key) && key !== MARKER_KEY).length;
        return keys.map((key) => rows.get(key));
      },
      ...(digests && {
        digests: async (keys: readonly string[]) =>
          keys.map((key) => {
            const row = rows.get(key);
            return row && createHash('sha1').update(row).digest('hex');
          }),
      }),
      keys: async () => [...rows.keys()],
      async write(key, value) {
        rows.set(key, value);
      },
      async replace(key, expected, value) {
        if (rows.get(key) !== expected) return false;
        rows.set(key, value);
        return true;
      },
      async close() {},
    }),
    invalidation: {
      async subscribe(_, listener) {
        missed = listener;
      },
      async publish() {},
      async close() {},
    },
  });
  const open = () => createCertificateStore({ keys, storage, whenEmpty: 'create' });
  return { open, read, reset: () => missed({ type: 'reset' }) };
}

async function fill(store: EncryptedCertificateStore): Promise<void> {
  const record = aRecord({ url: `https://127.0.0.1:${await freePort()}/mcp` });
  for (let i = 0; i < SERVERS; i++) await store.set(`server-${i}`, record);
}

it('a watch that missed messages reads each note once, however many servers are in it', async () => {
  const { open, read, reset } = counted(false);
  await using store = open();
  await fill(store);
  await using registry = createServerRegistry({ store });
  await using _watch = registry.watch({ intervalMs: 3_600_000, pollMs: 3_600_000 });
  await eventually(() => expect(read.records).toBeGreaterThanOrEqual(2 * SERVERS), 20_000);
  await stillness(() => read.notes);

  Object.assign(read, { notes: 0, records: 0 });
  reset();
  await eventually(() => expect(read.records).toBeGreaterThanOrEqual(SERVERS), 20_000);
  await stillness(() => read.notes);
  expect(read.notes).toBeLessThanOrEqual(NOTES);
}, 60_000);

it('a watch that missed messages reads what has changed since, where the backend gives digests', async () => {
  const { open, read, reset } = counted(true);
  // Of another process, whose messages do not arrive.
  const other = open();
  await fill(other);
  await using store = open();
  await using registry = createServerRegistry({ store });
  await using watch = registry.watch({ intervalMs: 3_600_000, pollMs: 3_600_000 });
  const events: string[] = [];
  watch.on('revoked', ({ id }) => void events.push(`revoked ${id}`));
  watch.on('renewed', ({ id }) => void events.push(`renewed ${id}`));
  await eventually(() => expect(read.records).toBeGreaterThanOrEqual(2 * SERVERS), 20_000);
  await stillness(() => read.records + read.notes);
  reset();
  await stillness(() => read.records + read.notes);
  expect(events).toEqual([]);

  const certificate = await heldCertificate();
  await other.delete('server-7');
  await other.set('server-8', aRecord({ trust: certificate.pem }));
  Object.assign(read, { notes: 0, records: 0 });
  reset();
  await eventually(() =>
    expect(events.toSorted()).toEqual(['renewed server-8', 'revoked server-7']),
  );
  await stillness(() => read.records + read.notes);
  // Two are listed anew, looked at, and written to their notes.
  expect(read.records).toBeLessThanOrEqual(10);
  expect(read.notes).toBeLessThanOrEqual(10);
}, 60_000);

/** Waits until the count has stood still for half a second. */
async function stillness(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
