import { randomBytes } from 'node:crypto';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  type EncryptedCertificateStore,
} from '../../../src/index.js';
import { recordKey } from '../../../src/store/record-key.js';
import { eventually } from '../../support/waiting.js';
import { aRecord } from '../../unit/store/support.js';
import { type Rows, wipe } from '../support/rows.js';
import type { World } from './worlds.js';

/** What a cell of the table is made of. */
export interface Cell {
  readonly world: World;
  /** Was there before the fault, with the records `a` (approved by `a1`) and `b`. No cache. */
  readonly store: EncryptedCertificateStore;
  /** Another process, that has seen nothing yet. */
  fresh(options?: Partial<CertificateStoreOptions>): EncryptedCertificateStore;
  readonly rows: () => Promise<Rows>;
  /** The key of all stores, in base64. */
  readonly key: string;
  /** Calls, notes what came of it, and reports a violation if it was a miss or late. */
  get(store: EncryptedCertificateStore, id?: string): Promise<string>;
  set(store: EncryptedCertificateStore): Promise<string>;
  list(store: EncryptedCertificateStore): Promise<string>;
  /** The records that were acknowledged are there, once the trouble is over. */
  whole(store: EncryptedCertificateStore): Promise<void>;
  violation(message: string): void;
}

export interface Fault {
  readonly name: string;
  /** What the caller got, or `undefined` where it cannot happen to this backend. */
  run(cell: Cell): Promise<string | undefined>;
}

/** get of the process that was there, and of a new one; then set. */
async function all(cell: Cell, fresh: EncryptedCertificateStore = cell.fresh()): Promise<string> {
  const gets = [await cell.get(cell.store), await cell.get(fresh)];
  const [list, set] = [await cell.list(fresh), await cell.set(fresh)];
  return `get ${[...new Set(gets)].join('/')}, list ${list}, set ${set}`;
}

async function damaged(cell: Cell, versions: (row: string) => Iterable<string>): Promise<string> {
  const rows = await cell.rows();
  const row = (await rows.read(recordKey('a'))) ?? '';
  const codes = new Map<string, number>();
  for (const version of versions(row)) {
    await rows.write(recordKey('a'), version);
    const code = await cell.get(cell.store);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (code === 'ok') cell.violation('a damaged row was taken');
  }
  await rows.write(recordKey('a'), row);
  await cell.whole(cell.store);
  return `get ${[...codes].map(([code, count]) => `${code} ×${count}`).join(', ')}`;
}

function* everyByte(row: string): Iterable<string> {
  for (let at = 0; at < row.length; at++) {
    const other = row[at] === 'A' ? 'B' : 'A';
    yield row.slice(0, at) + other + row.slice(at + 1);
  }
}

function* everyLength(row: string): Iterable<string> {
  for (let length = 0; length < row.length; length++) yield row.slice(0, length);
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'down at start',
    async run(cell) {
      if (cell.world.down === undefined) return undefined;
      await cell.world.down.begin();
      const fresh = cell.fresh();
      const got = `get ${await cell.get(fresh)}, list ${await cell.list(fresh)}, set ${await cell.set(fresh)}`;
      await cell.world.down.end();
      await cell.whole(fresh);
      return got;
    },
  },
  {
    name: 'down later',
    async run(cell) {
      if (cell.world.down === undefined) return undefined;
      const fresh = cell.fresh();
      await cell.get(fresh);
      await cell.world.down.begin();
      const got = await all(cell, fresh);
      await cell.world.down.end();
      await cell.whole(fresh);
      return got;
    },
  },
  {
    name: 'hung',
    async run(cell) {
      if (cell.world.hung === undefined) return undefined;
      const fresh = cell.fresh();
      await cell.get(fresh);
      await cell.world.hung.begin();
      const got = await all(cell, fresh);
      await cell.world.hung.end();
      await cell.whole(fresh);
      return got;
    },
  },
  {
    name: 'hung while writing',
    async run(cell) {
      if (cell.world.hung === undefined) return undefined;
      const writing = Array.from({ length: 8 }, async (_, i) => {
        for (let n = 0; n < 40; n++) {
          const code = await cell.set(cell.store);
          if (code !== 'ok') return `${i}:${code}`;
        }
        return `${i}:ok`;
      });
      await new Promise((resolve) => setTimeout(resolve, 15));
      await cell.world.hung.begin();
      const codes = (await Promise.all(writing)).map((text) => text.split(':')[1] as string);
      await cell.world.hung.end();
      await cell.whole(cell.store);
      return `set ${[...new Set(codes)].join('/')}`;
    },
  },
  {
    name: 'restarted',
    async run(cell) {
      if (cell.world.restart === undefined) return undefined;
      await cell.world.restart();
      await cell.whole(cell.store);
      await cell.whole(cell.fresh());
      return 'get ok';
    },
  },
  {
    name: 'out of memory',
    async run(cell) {
      if (cell.world.full === undefined) return undefined;
      const fresh = cell.fresh();
      await cell.get(fresh);
      await cell.world.full.begin();
      const got = await all(cell, fresh);
      if (cell.world.full.mayHaveWritten && got.includes('REFUSED'))
        cell.violation('a write that may be there was reported as not done');
      await cell.world.full.end();
      await cell.whole(fresh);
      return got;
    },
  },
  {
    name: 'evicting',
    async run(cell) {
      if (cell.world.evict === undefined) return undefined;
      const ids = Array.from({ length: 100 }, (_, i) => `r${i}`);
      for (const id of ids) await cell.store.set(id, aRecord());
      await cell.world.evict();
      const fresh = cell.fresh();
      const counts = new Map<string, number>();
      for (const store of [cell.store, fresh]) {
        for (const id of ids) {
          const code = await cell.get(store, id);
          counts.set(code, (counts.get(code) ?? 0) + 1);
        }
      }
      return `get ${[...counts].map(([code, count]) => `${code} ×${count}`).join(', ')}`;
    },
  },
  {
    name: 'emptied',
    async run(cell) {
      await wipe(await cell.rows());
      return all(cell);
    },
  },
  { name: 'every byte changed', run: (cell) => damaged(cell, everyByte) },
  { name: 'cut at every length', run: (cell) => damaged(cell, everyLength) },
  {
    name: 'moved to another id',
    async run(cell) {
      const rows = await cell.rows();
      await rows.write(recordKey('a'), (await rows.read(recordKey('b'))) ?? '');
      return all(cell);
    },
  },
  {
    name: 'planted',
    async run(cell) {
      await (await cell.rows()).write(recordKey('a'), JSON.stringify(aRecord()));
      return all(cell);
    },
  },
  {
    name: 'old revision put back',
    async run(cell) {
      const rows = await cell.rows();
      const old = (await rows.read(recordKey('a'))) ?? '';
      await cell.store.set('a', aRecord({ approvedBy: 'a1' }));
      await rows.write(recordKey('a'), old);
      const code = await cell.get(cell.store);
      if (code === 'ok') cell.violation('an old revision was taken');
      return `get ${code} (a new process: ${await cell.get(cell.fresh())})`;
    },
  },
  {
    name: 'wrong key',
    run: (cell) => {
      const wrong = cell.fresh({ keys: [{ id: 'k1', key: randomBytes(32) }] });
      return callsOf(cell, wrong);
    },
  },
  {
    name: 'unknown key id',
    run: (cell) => callsOf(cell, cell.fresh({ keys: [{ id: 'k2', key: randomBytes(32) }] })),
  },
  {
    name: 'clock back',
    async run(cell) {
      const until = new Date(Date.now() + 100);
      await cell.store.set('a', aRecord({ approvedBy: 'a1', expiresAt: until }));
      await new Promise((resolve) => setTimeout(resolve, 120));
      await cell.store.set('b', aRecord());
      const before = await cell.get(cell.store);
      const real = Date.now;
      Date.now = () => real() - 86_400_000;
      try {
        const after = await cell.get(cell.store);
        if (after === 'ok') cell.violation('an expired record came back');
        await cell.store.set('b', aRecord({ approvedBy: 'b2' }));
        return `get ${before}, then ${after}; set of another ok, get ${await cell.get(cell.store, 'b')}`;
      } finally {
        Date.now = real;
      }
    },
  },
];

async function callsOf(cell: Cell, store: EncryptedCertificateStore): Promise<string> {
  const got = `get ${await cell.get(store)}, list ${await cell.list(store)}, set ${await cell.set(store)}`;
  await cell.whole(cell.store);
  return got;
}

function refusal(make: () => unknown, name: string): string {
  try {
    make();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === 'MCP_TLS_INVALID_ARGUMENT' && message.includes(name)
      ? 'refused by name'
      : `${code}: ${message}`;
  }
  return 'was not refused';
}

const PREPARED_MS = 15_000;
const BREAKER = { failures: 50, resetMs: 100 };

/** Makes the cell of one fault and one backend, and runs it. */
export async function runCell(
  fault: Fault,
  makeWorld: (namespace: string) => Promise<World>,
): Promise<{ text: string; violations: readonly string[] }> {
  const violations: string[] = [];
  const world = await makeWorld('faults');
  const patience = world.patienceMs ?? 300;
  const key = { id: 'k1', key: randomBytes(32) };
  const stores: EncryptedCertificateStore[] = [];
  const fresh = (options: Partial<CertificateStoreOptions> = {}) => {
    const store = createCertificateStore({
      keys: [key],
      namespace: 'faults',
      cache: { ttlMs: 0 },
      timeout: { readMs: patience, writeMs: patience },
      breaker: BREAKER,
      ...world.place.options(),
      ...options,
    });
    stores.push(store);
    return store;
  };

  async function timed(what: string, calls: number, run: () => Promise<string>): Promise<string> {
    const start = performance.now();
    const code = await run().catch((error) => String(error.code ?? error));
    const took = performance.now() - start;
    if (took > calls * patience + 400) violations.push(`${what} took ${Math.round(took)} ms`);
    if (code === 'MISS') violations.push(`${what} was a silent miss`);
    if (!/^(ok|MISS|MCP_TLS_)/.test(code)) violations.push(`${what} gave ${code}`);
    return code.replace('MCP_TLS_STORE_', '');
  }

  if (world.refusedAs !== undefined) {
    const text = refusal(fresh, world.refusedAs);
    await world.close();
    return { text, violations: text === 'refused by name' ? [] : [text] };
  }
  // Not what is looked at: on a busy machine it may take longer than a call of the fault may.
  const store = fresh();
  const prepare = async (): Promise<void> => {
    const before = fresh({ timeout: { readMs: PREPARED_MS, writeMs: PREPARED_MS } });
    await before.initialize();
    await before.set('a', aRecord({ approvedBy: 'a1' }));
    await before.set('b', aRecord());
    // It knows both, whatever comes.
    await eventually(() => store.list(), PREPARED_MS);
  };
  const cell: Cell = {
    world,
    store,
    fresh,
    rows: () => world.place.rows('faults'),
    key: key.key.toString('base64'),
    get: (one, id = 'a') =>
      timed('get', 1, async () => ((await one.get(id)) === undefined ? 'MISS' : 'ok')),
    set: (one) => {
      // Writes of one record wait for each other, each with its two deadlines.
      const waiting = fault.name === 'hung while writing' ? 8 : 1;
      return timed('set', 2 * waiting, () =>
        one.set('a', aRecord({ approvedBy: 'a1' })).then(() => 'ok'),
      );
    },
    list: (one) => timed('list', 2, async () => ((await one.list()).length < 2 ? 'MISS' : 'ok')),
    async whole(one) {
      try {
        await eventually(async () => {
          if ((await one.get('a'))?.approvedBy !== 'a1')
            throw new Error('not as it was acknowledged');
          if ((await one.list()).length < 2) throw new Error('the list is not whole');
        }, 8_000);
      } catch (error) {
        violations.push(`after it: ${(error as Error).message}`);
      }
    },
    violation: (message) => violations.push(message),
  };
  try {
    await prepare();
    return { text: (await fault.run(cell)) ?? '–', violations };
  } finally {
    await Promise.all(stores.map((one) => one.close()));
    await world.close();
  }
}
