/**
 * What the store costs with many records, beside the bare commands in the same run.
 *
 *   npm run bench:store:scale -- [--backends redis,directory,postgres] [--records 1000,10000,50000]
 *     [--pages 100000] [--watch 10000] [--plot docs/plots/store-scale.svg]
 *
 * What is measured is the build. Values are of some 2 KB, each of one of 100 certificates. Compare the ratios: the
 * times are those of this machine. `--pages`: of so many, pages only. `--watch` is for so many servers that refuse every connection,
 * whose processes all lose their subscription once.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createCertificateStore, createServerRegistry } from 'mcp-tls';
import { BACKENDS, type BenchBackend } from './backends.js';
import { drawScale, type ScalePoint } from './draw-scale.js';
import { type Fill, idOf, keys, openStore, SEED_BATCH, seed } from './seed.js';
import { cpuMs, measureLostSubscription } from './watch-cost.js';

const COLD_READS = 500;
/** First readings before those that are measured. */
const MOST_WARMING = 5_000;
const points: ScalePoint[] = [];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      backends: { type: 'string', default: 'redis,directory,postgres' },
      records: { type: 'string', default: '1000,10000,50000' },
      pages: { type: 'string', default: '100000' },
      watch: { type: 'string', default: '10000' },
      plot: { type: 'string' },
    },
  });
  const numbers = (text: string): number[] => text.split(',').map(Number).filter(Boolean);
  for (const name of values.backends.split(',').filter(Boolean)) {
    const backend = await BACKENDS[name]?.();
    if (backend === undefined) throw new Error(`no backend '${name}'`);
    try {
      for (const n of numbers(values.records)) await measureLists(backend, n);
      for (const n of numbers(values.pages)) await measurePages(backend, n);
      if (name === 'redis' && numbers(values.records).includes(50_000)) {
        await measureDivided(backend, 5, 10_000);
      }
    } finally {
      await backend.close();
    }
  }
  if (values.plot !== undefined) writeFileSync(values.plot, await drawScale(points));
  const servers = Number(values.watch);
  if (servers > 0) await measureLostSubscription(servers);
}

async function seeded(backend: BenchBackend, namespace: string, n: number) {
  const fill: Fill = (rows) => backend.fill(namespace, rows);
  await seed(openStore(backend.storage(), namespace), namespace, n, fill);
  const store = openStore(backend.storage(), namespace);
  // What any first call pays, whatever the number of records: a connection, the marker.
  await store.get('not there');
  return store;
}

async function measureLists(backend: BenchBackend, n: number): Promise<void> {
  const namespace = `scale-${n}`;
  const store = await seeded(backend, namespace, n);
  const raw = await timed(3, () => backend.readAll(namespace, SEED_BATCH));
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} records in ${backend.name}`);
  console.log(row('', 'ms', 'CPU ms', 'x raw'));
  const show = shower(backend.name, n, raw);
  show('raw: names, rows by 200', raw);
  show('first page of 20', await timed(1, () => registry.list({ limit: 20 })));
  show('page of 20', await timed(5, () => registry.list({ limit: 20 })));
  const firstList = async () => {
    const another = openStore(backend.storage(), namespace);
    await another.list();
    await another.close();
  };
  show('first store.list() of a process', await timed(3, firstList));
  await store.list();
  show('store.list()', await timed(3, () => store.list()));
  show('registry.list()', await timed(2, () => registry.list()));
  show('rewrap(), nothing to do', await timed(3, () => store.rewrap()));
  await store.close();
  await measureColdReads(backend, namespace, n);
  await backend.empty(namespace);
}

async function measurePages(backend: BenchBackend, n: number): Promise<void> {
  const namespace = `pages-${n}`;
  const store = await seeded(backend, namespace, n);
  await using registry = createServerRegistry({ store });
  console.log(`\n${n} records in ${backend.name}`);
  const show = shower(backend.name, n, undefined);
  show('first page of 20', await timed(1, () => registry.list({ limit: 20 })));
  show('page of 20', await timed(5, () => registry.list({ limit: 20 })));
  const after = idOf(n >> 1);
  show('page of 20, in the middle', await timed(5, () => registry.list({ limit: 20, after })));
  await store.close();
  await backend.empty(namespace);
}

/** As many records as the largest, divided among namespaces: hashes of their own, on any node of a cluster. */
async function measureDivided(backend: BenchBackend, parts: number, each: number): Promise<void> {
  const names = Array.from({ length: parts }, (_, i) => `part-${i}`);
  const stores = [];
  for (const name of names) stores.push(await seeded(backend, name, each));
  const registries = stores.map((store) => createServerRegistry({ store }));
  console.log(`\n${parts} namespaces of ${each} records in ${backend.name}`);
  const show = shower(backend.name, undefined, undefined);
  const [one] = registries;
  show('first page of 20, of one', await timed(1, async () => one?.list({ limit: 20 })));
  const first = () => Promise.all(registries.map((registry) => registry.list({ limit: 20 })));
  show('page of 20, of each', await timed(3, first));
  const all = async () => {
    for (const registry of registries) await registry.list();
  };
  show('registry.list(), of each', await timed(1, all));
  await Promise.all(registries.map((registry) => registry.close()));
  await Promise.all(stores.map((store) => store.close()));
  for (const name of names) await backend.empty(name);
}

function shower(backend: string, records: number | undefined, raw: Timed | undefined) {
  return (call: string, { ms, cpu }: Timed): void => {
    if (records !== undefined) points.push({ backend, call, records, ms });
    const ratio = raw === undefined ? '' : (ms / raw.ms).toFixed(2);
    console.log(row(call, ms.toFixed(ms < 10 ? 1 : 0), cpu.toFixed(0), ratio));
  };
}

/** One after the other: no two are answered together. */
async function measureColdReads(
  backend: BenchBackend,
  namespace: string,
  n: number,
): Promise<void> {
  const options = { keys, namespace, cache: { ttlMs: 0 } };
  await using first = createCertificateStore({ ...options, storage: backend.storage() });
  const record = await first.get(idOf(0));
  await backend.bare.set('a', record);
  const reads = async (read: (i: number) => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < COLD_READS; i++) await read(i);
  };
  await reads(() => backend.bare.get('a'));
  const keyv = await timed(3, () => reads(() => backend.bare.get('a')));
  // What a new process pays for code that has not run yet is told apart.
  const begin = await timed(1, () => reads((i) => first.get(idOf(i))));
  const warmUp = Math.min(n - COLD_READS, MOST_WARMING);
  for (let i = COLD_READS; i < warmUp; i++) await first.get(idOf(i));
  const cold = await timed(1, () => reads((i) => first.get(idOf(warmUp + i))));
  const again = await timed(3, () => reads((i) => first.get(idOf(i % n))));
  const each = ({ ms }: Timed): string => ((ms * 1000) / COLD_READS).toFixed(0);
  const of = (one: Timed): string => `${each(one)} us (${(one.ms / keyv.ms).toFixed(2)} x)`;
  console.log(
    `  a read of bare Keyv: ${each(keyv)} us; the first of a record: ${of(cold)}, in a new process ${of(begin)}; of one that has not changed: ${of(again)}`,
  );
}

interface Timed {
  readonly ms: number;
  readonly cpu: number;
}

/** The fastest of `times`: others work on the same machine. */
async function timed(times: number, task: () => Promise<unknown>): Promise<Timed> {
  let best: Timed | undefined;
  for (let i = 0; i < times; i++) {
    const [begun, before] = [performance.now(), process.cpuUsage()];
    await task();
    const ms = performance.now() - begun;
    if (best === undefined || ms < best.ms) best = { ms, cpu: cpuMs(process.cpuUsage(before)) };
  }
  return best as Timed;
}

function row(name: string, ...cells: readonly string[]): string {
  return `  ${name.padEnd(32)}${cells.map((cell) => cell.padStart(10)).join('')}`;
}

await main();
