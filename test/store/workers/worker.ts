/** One process of several over one store. Does what main.ts tells it by message. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
  type StoredCertificate,
} from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { serveCalls } from './serve-calls.js';

/** How a worker opens its store. Keys as base64url. */
export interface WorkerStore {
  readonly place: { readonly redis: string } | { readonly directory: string };
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  readonly retired?: readonly string[];
  readonly ttlMs?: number;
  readonly invalidation?: boolean;
}

type Task = (...args: never[]) => Promise<unknown>;

let store: EncryptedCertificateStore;
let template: StoredCertificate;
let working: Promise<unknown> | undefined;
let stopped = false;

const now = () => Number(process.hrtime.bigint()) / 1e6;
const numbered = (n: number): StoredCertificate => ({ ...template, approvedBy: `${n}` });

const TASKS: Record<string, Task> = {
  /** In the place of the one before, as a process that is started anew with other settings. */
  async open(options: WorkerStore, record: StoredCertificate) {
    template = record;
    const before = store;
    const { place, keys, retired, ttlMs = 30_000, invalidation = true } = options;
    store = createCertificateStore({
      keys,
      ...(retired === undefined ? {} : { retiredKeys: retired }),
      namespace: 'workers',
      cache: { ttlMs, negativeTtlMs: Math.min(ttlMs, 5_000) },
      storage:
        'redis' in place
          ? redisStorage(place.redis, { watch: invalidation })
          : directoryStorage(place.directory, { watch: false }),
    });
    await before?.close();
    while ('redis' in place && invalidation && store.stats().listening !== true) await tick();
  },
  async coldGets(id: string, count: number) {
    const before = store.stats().loads;
    const all = await Promise.all(Array.from({ length: count }, () => store.get(id)));
    return { loads: store.stats().loads - before, found: all.filter(Boolean).length };
  },
  async get(id: string) {
    return (await store.get(id)) !== undefined;
  },
  async revoke(id: string) {
    const begun = now();
    await store.delete(id);
    return begun;
  },
  /** When the record is seen to be gone. */
  async seeGone(id: string) {
    // A pause, so that eight that watch leave the two processors to those who work.
    while ((await store.get(id)) !== undefined) await sleep(2);
    return now();
  },
  /** Writes numbers without end, and tells each that was acknowledged. */
  async writeForEver(id: string) {
    for (let n = 1; ; n++) {
      await store.set(id, numbered(n));
      process.send?.({ acknowledged: n });
    }
  },
  /** Reads and writes until it is told to stop; what goes wrong is counted. */
  async work(own: string, from: number, ids: readonly string[]) {
    stopped = false;
    working = (async () => {
      const failures: string[] = [];
      let [n, reads] = [from, 0];
      while (!stopped) {
        n++;
        try {
          await store.set(own, numbered(n));
          const seen = (await store.get(own))?.approvedBy;
          if (seen !== `${n}`) failures.push(`lost: ${n} became ${seen}`);
          for (const id of ids) {
            if ((await store.get(id)) === undefined) failures.push(`missing: ${id}`);
            reads++;
          }
        } catch (error) {
          failures.push(String(error));
        }
        await tick();
      }
      return { last: n, reads, failures };
    })();
  },
  async stop() {
    stopped = true;
    return working;
  },
  async rewrap() {
    return store.rewrap();
  },
  async close() {
    await store.close();
    process.disconnect();
  },
};

const tick = () => new Promise((resolve) => setImmediate(resolve));

serveCalls(TASKS);
