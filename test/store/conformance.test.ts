import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  type EncryptedCertificateStore,
  type RawKey,
} from '../../src/index.js';
import { recordKey } from '../../src/store/record-key.js';
import { MARKER_KEY } from '../../src/store/store-marker.js';
import { aRecord, codeOf } from '../unit/store/support.js';
import { certificateStoreConformance } from './support/certificate-store-conformance.js';
import { PLACES, type Place } from './support/places.js';
import { type Rows, wipe } from './support/rows.js';
import { sharedPostgres } from './support/start-postgres.js';
import { sharedRedis } from './support/start-redis.js';

/** The one suite that every backend passes. Real servers, started here; none is ever skipped. */

let redis: Awaited<ReturnType<typeof sharedRedis>>;
let postgres: Awaited<ReturnType<typeof sharedPostgres>>;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([sharedRedis(), sharedPostgres()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([redis?.stop(), postgres?.stop()]);
});

const urlOf = { none: () => '', redis: () => redis.url, postgres: () => postgres.url };
const aKey = (id: string): RawKey => ({ id, key: randomBytes(32) });
const k1 = aKey('k1');
/** Without a cache: every answer comes from the backend. With the patience that a loaded machine takes. */
const BARE: Partial<CertificateStoreOptions> = {
  cache: { ttlMs: 0 },
  timeout: { readMs: 30_000, writeMs: 30_000 },
};

for (const kind of PLACES) {
  const begin = () => Promise.resolve(kind.open(urlOf[kind.server]()));
  const namespace = () => `t-${randomUUID().slice(0, 8)}`;

  certificateStoreConformance(kind.name, async () => {
    const place = await begin();
    const name = namespace();
    return {
      async open() {
        const options = { keys: [k1], namespace: name, ...BARE, ...place.options() };
        const store = createCertificateStore(options);
        await store.initialize();
        return store;
      },
      close: () => place.close(),
    };
  });

  if (kind.brief) continue;

  describe(`${kind.name}, under attack and in trouble`, () => {
    let place: Place;
    const opened: EncryptedCertificateStore[] = [];
    beforeAll(async () => {
      place = await begin();
    });
    afterAll(async () => {
      await Promise.all(opened.map((store) => store.close()));
      await place.close();
    });

    function openStore(
      name: string,
      options: Partial<CertificateStoreOptions> = {},
    ): EncryptedCertificateStore {
      const all = { keys: [k1], namespace: name, ...BARE, ...place.options(), ...options };
      const store = createCertificateStore(all);
      opened.push(store);
      return store;
    }

    /** A store of its own with the records `a` and `b`, and its rows from behind. */
    async function furnished(): Promise<{
      name: string;
      store: EncryptedCertificateStore;
      rows: Rows;
    }> {
      const name = namespace();
      const store = openStore(name);
      await store.initialize();
      await store.set('a', aRecord({ approvedBy: 'a1' }));
      await store.set('b', aRecord({ approvedBy: 'b1' }));
      return { name, store, rows: await place.rows(name) };
    }

    it('is not there before it was set up, and set up once', async () => {
      const name = namespace();
      const store = openStore(name);
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_EMPTIED');
      expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_EMPTIED');
      expect(await codeOf(store.set('a', aRecord()))).toBe('MCP_TLS_STORE_EMPTIED');
      expect(await codeOf(store.delete('a'))).toBe('MCP_TLS_STORE_EMPTIED');
      const made = await Promise.all(
        [store, openStore(name), openStore(name)].map((s) => s.initialize()),
      );
      // Where the backend cannot say who was first, more than one may believe it.
      expect(made.filter(Boolean).length).toBe(1);
      expect(await store.get('a')).toBeUndefined();
      expect(await store.list()).toEqual([]);
    });

    it('shows ids and key ids to whoever sees the backend, and nothing else', async () => {
      const { rows } = await furnished();
      const keys = await rows.keys();
      expect([...keys].sort()).toEqual([MARKER_KEY, recordKey('a'), recordKey('b')].sort());
      const text = (await Promise.all(keys.map((key) => rows.read(key)))).join('\n');
      expect(text).not.toMatch(/BEGIN|approvedBy/);
      for (const part of text.split(/[.\n]/)) {
        expect(Buffer.from(part, 'base64url').toString('latin1')).not.toMatch(/BEGIN|approvedBy/);
      }
    });

    it('keeps two namespaces apart', async () => {
      const [one, two] = [await furnished(), await furnished()];
      await one.store.delete('a');
      expect((await two.store.get('a'))?.approvedBy).toBe('a1');
      expect(await two.rows.keys()).toHaveLength(3);
      // A row of one in the other.
      await two.rows.write(recordKey('a'), (await one.rows.read(recordKey('b'))) ?? '');
      expect(await codeOf(two.store.get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
    });

    it.each<[string, (row: string) => string]>([
      [
        'one byte changed',
        (row) => `${row.slice(0, 300)}${row[300] === 'A' ? 'B' : 'A'}${row.slice(301)}`,
      ],
      ['cut', (row) => row.slice(0, -1)],
      ['made longer', (row) => `${row}A`],
      ['emptied', () => ''],
      ['replaced by plain text', () => JSON.stringify(aRecord())],
    ])('refuses a row that was %s, and can be mended', async (_, damage) => {
      const { name, store, rows } = await furnished();
      await rows.write(recordKey('a'), damage((await rows.read(recordKey('a'))) ?? ''));
      const fresh = openStore(name);
      for (const one of [store, fresh]) {
        expect(await codeOf(one.get('a'))).toBe('MCP_TLS_STORE_TAMPERED');
        expect(await codeOf(one.list())).toBe('MCP_TLS_STORE_TAMPERED');
        expect(await codeOf(one.set('a', aRecord()))).toBe('MCP_TLS_STORE_TAMPERED');
        expect((await one.get('b'))?.approvedBy).toBe('b1');
      }
      expect(await store.delete('a')).toBe(true);
      expect(await fresh.get('a')).toBeUndefined();
      await store.set('a', aRecord({ approvedBy: 'a2' }));
      expect((await fresh.get('a'))?.approvedBy).toBe('a2');
    });

    it('refuses a record under the id of another', async () => {
      const { store, rows } = await furnished();
      await rows.write(recordKey('b'), (await rows.read(recordKey('a'))) ?? '');
      await rows.write(recordKey('c'), (await rows.read(recordKey('a'))) ?? '');
      expect(await codeOf(store.get('b'))).toBe('MCP_TLS_STORE_TAMPERED');
      expect(await codeOf(store.get('c'))).toBe('MCP_TLS_STORE_TAMPERED');
    });

    it('notices an older revision that was put back, also after a deletion', async () => {
      const { store, rows } = await furnished();
      const old = (await rows.read(recordKey('a'))) ?? '';
      await store.set('a', aRecord({ approvedBy: 'a2' }));
      await rows.write(recordKey('a'), old);
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_ROLLED_BACK');
      expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_ROLLED_BACK');
      await store.set('a', aRecord({ approvedBy: 'a3' }));
      expect((await store.get('a'))?.approvedBy).toBe('a3');
      await store.delete('a');
      await rows.write(recordKey('a'), old);
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_ROLLED_BACK');
    });

    it('notices a record that is gone', async () => {
      const { store, rows } = await furnished();
      await rows.remove(recordKey('a'));
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_VANISHED');
      expect(await codeOf(store.list())).toBe('MCP_TLS_STORE_VANISHED');
      // Unreadable for a change too; a conditional write must not take it for a first one.
      expect(await codeOf(store.read('a'))).toBe('MCP_TLS_STORE_VANISHED');
      const first = store.set('a', aRecord(), { ifRevision: 0 });
      expect(await codeOf(first)).toBe('MCP_TLS_STORE_VANISHED');
    });

    it('withdraws a record that is gone, so that a copy of it does not come back', async () => {
      const { name, store, rows } = await furnished();
      const { revision: ifRevision } = await openStore(name).read('a');
      await rows.remove(recordKey('a'));
      expect(await store.delete('a')).toBe(true);
      expect(await store.get('a')).toBeUndefined();
      const late = openStore(name).set('a', aRecord(), { ifRevision });
      expect(await codeOf(late)).toBe('MCP_TLS_STORE_CONFLICT');
    });

    it('writes under no condition over what read() refuses', async () => {
      const { store, rows } = await furnished();
      const old = (await rows.read(recordKey('a'))) ?? '';
      const { revision } = await store.read('a');
      const now = await store.set('a', aRecord({ approvedBy: 'a2' }));
      await rows.write(recordKey('a'), old);
      for (const ifRevision of [revision, now]) {
        const written = store.set('a', aRecord(), { ifRevision });
        expect(await codeOf(written)).toBe('MCP_TLS_STORE_ROLLED_BACK');
      }
      await rows.write(recordKey('a'), `${old}A`);
      const written = store.set('a', aRecord(), { ifRevision: now });
      expect(await codeOf(written)).toBe('MCP_TLS_STORE_TAMPERED');
    });

    it('notices that it was emptied, also by one who set it up anew', async () => {
      const { name, store, rows } = await furnished();
      await wipe(rows);
      const fresh = openStore(name);
      for (const one of [store, fresh]) {
        expect(await codeOf(one.get('a'))).toBe('MCP_TLS_STORE_EMPTIED');
        expect(await codeOf(one.get('never'))).toBe('MCP_TLS_STORE_EMPTIED');
        expect(await codeOf(one.list())).toBe('MCP_TLS_STORE_EMPTIED');
        expect(await codeOf(one.set('a', aRecord()))).toBe('MCP_TLS_STORE_EMPTIED');
        expect(await codeOf(one.rewrap())).toBe('MCP_TLS_STORE_EMPTIED');
      }
      expect(await codeOf(store.initialize())).toBe('MCP_TLS_STORE_EMPTIED');
      expect(await fresh.initialize()).toBe(true);
      expect(await codeOf(store.get('never'))).toBe('MCP_TLS_STORE_EMPTIED');
    });

    it('notices that the marker is gone, and does not make another beside records', async () => {
      const { name, store, rows } = await furnished();
      await rows.remove(MARKER_KEY);
      const fresh = openStore(name, { whenEmpty: 'create' });
      for (const one of [store, fresh]) {
        expect(await codeOf(one.get('a'))).toBe('MCP_TLS_STORE_EMPTIED');
        expect(await codeOf(one.initialize())).toBe('MCP_TLS_STORE_EMPTIED');
      }
    });

    it('notices a marker of another store', async () => {
      const [one, two] = [await furnished(), await furnished()];
      await one.rows.write(MARKER_KEY, (await two.rows.read(MARKER_KEY)) ?? '');
      expect(await codeOf(openStore(one.name).get('never'))).toBe('MCP_TLS_STORE_TAMPERED');
    });

    it('distinguishes a wrong key from an unknown one', async () => {
      const { name } = await furnished();
      const wrong = openStore(name, { keys: [aKey('k1')] });
      const unknown = openStore(name, { keys: [aKey('k2')] });
      for (const [one, code] of [
        [wrong, 'MCP_TLS_STORE_TAMPERED'],
        [unknown, 'MCP_TLS_STORE_UNKNOWN_KEY'],
      ] as const) {
        expect(await codeOf(one.get('a'))).toBe(code);
        expect(await codeOf(one.get('never'))).toBe(code);
        expect(await codeOf(one.set('a', aRecord()))).toBe(code);
        expect(await codeOf(one.initialize())).toBe(code);
      }
    });

    it('changes the key in two phases, and then needs the old one no more', async () => {
      const { name, store } = await furnished();
      await store.delete('b');
      const { revision } = await store.read('b');
      const k2 = aKey('k2');
      const both = openStore(name, { keys: [k2, k1] });
      expect(await both.rewrap()).toMatchObject({
        total: 3,
        rewrapped: 3,
        current: 0,
        failed: [],
        guard: 'atomic',
      });
      expect(await both.rewrap()).toMatchObject({ rewrapped: 0, current: 3 });
      const later = openStore(name, { keys: k2, retiredKeys: ['k1'] });
      expect((await later.get('a'))?.approvedBy).toBe('a1');
      // The revision stays: a conditional write is not refused because a key was changed.
      expect(await later.read('b')).toEqual({ record: undefined, revision, expired: false });
      // One that was forgotten in phase one notices, instead of losing what it cannot read.
      expect(await codeOf(store.get('a'))).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
      expect(await codeOf(store.set('a', aRecord()))).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
    });

    it('names what cannot be sealed with another key, and opens nothing that has it', async () => {
      const { name, rows } = await furnished();
      const damaged = `${((await rows.read(recordKey('a'))) ?? '').slice(0, -1)}`;
      await rows.write(recordKey('a'), damaged);
      const later = openStore(name, { keys: [aKey('k2'), k1] });
      expect(await later.rewrap()).toMatchObject({ rewrapped: 2, failed: [{ id: 'a' }] });
      // By its header it needs nothing, whether it opens or not.
      await rows.write(recordKey('b'), `${((await rows.read(recordKey('b'))) ?? '').slice(0, -1)}`);
      expect(await later.rewrap()).toMatchObject({ current: 2, failed: [{ id: 'a' }] });
    });

    it('reports the progress of a rewrap, ends at a signal, and goes on where it ended', async () => {
      const { name } = await furnished();
      const later = openStore(name, { keys: [aKey('k2'), k1] });
      const aborted = AbortSignal.abort(new Error('enough'));
      await expect(later.rewrap({ signal: aborted })).rejects.toThrow('enough');
      await expect(later.rewrap({ batch: 1 } as never)).rejects.toMatchObject({
        code: 'MCP_TLS_INVALID_ARGUMENT',
      });
      const seen: number[][] = [];
      expect(await later.rewrap({ onProgress: (...at) => seen.push(at) })).toMatchObject({
        rewrapped: 3,
      });
      expect(seen).toEqual([[3, 3]]);
    });

    it('loses no update to a rewrap that runs meanwhile', async () => {
      const { name } = await furnished();
      const k2 = aKey('k2');
      const [writer, a, b] = [{ keys: [k1, k2] }, { keys: [k2, k1] }, { keys: [k1, k2] }].map((o) =>
        openStore(name, o),
      );
      let running = true;
      const sweeps = (async () => {
        for (let i = 0; running; i++) expect((await (i % 2 ? a : b)?.rewrap())?.failed).toEqual([]);
      })();
      for (let i = 0; i < 25; i++) {
        await writer?.set('a', aRecord({ approvedBy: `u${i}` }));
        expect((await writer?.get('a'))?.approvedBy).toBe(`u${i}`);
      }
      running = false;
      await sweeps;
      expect((await writer?.get('a'))?.approvedBy).toBe('u24');
    });

    it('lists hundreds of records without leaving one out', async () => {
      const { name } = await furnished();
      // Fifty at a time wait for each other on a machine that does other things too.
      const store = openStore(name, { timeout: { readMs: 30_000, writeMs: 30_000 } });
      const ids = Array.from({ length: 150 }, (_, i) => `server-${i}`);
      for (let i = 0; i < ids.length; i += 50) {
        await Promise.all(ids.slice(i, i + 50).map((id) => store.set(id, aRecord())));
      }
      expect((await store.list()).map(({ id }) => id).sort()).toEqual([...ids, 'a', 'b'].sort());
    }, 120_000);

    it('does not go on after close()', async () => {
      const { store } = await furnished();
      await store.close();
      await store.close();
      for (const call of [
        store.get('a'),
        store.set('a', aRecord()),
        store.delete('a'),
        store.list(),
      ]) {
        expect(await codeOf(call)).toBe('MCP_TLS_CLOSED');
      }
    });
  });
}
