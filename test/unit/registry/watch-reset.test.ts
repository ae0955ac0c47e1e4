import { expect, it } from 'vitest';
import { createCertificateStore, createServerRegistry } from '../../../src/index.js';
import { createStorage, type InvalidationEvent } from '../../../src/store/index.js';
import { MARKER_KEY } from '../../../src/store/store-marker.js';
import { isNoteKey } from '../../../src/store/store-notes.js';
import { eventually, freePort } from '../../support/waiting.js';
import { aKey, aRecord } from '../store/support.js';

const SERVERS = 300;
const NOTES = 64;

it('a watch that missed messages reads each note once, however many servers are in it', async () => {
  const rows = new Map<string, string>();
  let notesRead = 0;
  let recordsRead = 0;
  let missed: (event: InvalidationEvent) => void = () => {};
  const storage = createStorage({
    backend: () => ({
      name: 'counted',
      async read(keys) {
        notesRead += keys.filter(isNoteKey).length;
        recordsRead += keys.filter((key) => !isNoteKey(key) && key !== MARKER_KEY).length;
        return keys.map((key) => rows.get(key));
      },
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
  await using store = createCertificateStore({ keys: aKey(), storage });
  await store.initialize();
  const record = aRecord({ url: `https://127.0.0.1:${await freePort()}/mcp` });
  for (let i = 0; i < SERVERS; i++) await store.set(`server-${i}`, record);
  await using registry = createServerRegistry({ store });
  await using _watch = registry.watch({ intervalMs: 3_600_000, pollMs: 3_600_000 });
  await eventually(() => expect(recordsRead).toBeGreaterThanOrEqual(2 * SERVERS), 20_000);
  await stillness(() => notesRead);

  notesRead = 0;
  recordsRead = 0;
  missed({ type: 'reset' });
  await eventually(() => expect(recordsRead).toBeGreaterThanOrEqual(SERVERS), 20_000);
  await stillness(() => notesRead);
  expect(notesRead).toBeLessThanOrEqual(NOTES);
}, 60_000);

/** Waits until the count has stood still for half a second. */
async function stillness(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
