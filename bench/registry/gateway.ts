/** A gateway's process: one store, one registry, many servers. Measures itself. */
import { readdirSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  createCertificateStore,
  createServerRegistry,
  directoryStorage,
  type EncryptedCertificateStore,
  type ServerRegistry,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { createStoredCertificate } from '../../src/store/index.js';
import { serveCalls } from '../../test/store/workers/serve-calls.js';
import type { BenchServer } from './servers.js';

export interface GatewayOptions {
  readonly place: { readonly redis: string } | { readonly directory: string };
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  readonly maxPools: number;
  /** `cache.max` of the store. */
  readonly cacheMax: number;
}

export interface Footprint {
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Open sockets of this process, by its file descriptors. `undefined` where there is no /proc. */
  readonly sockets: number | undefined;
  /** Records in the store's cache. */
  readonly cached: number;
}

/** Writes at a time. */
const WRITERS = 16;

let store: EncryptedCertificateStore;
let registry: ServerRegistry;
const clients: Client[] = [];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

serveCalls({
  async open({ place, keys, maxPools, cacheMax }: GatewayOptions): Promise<void> {
    store = createCertificateStore({
      keys,
      cache: { max: cacheMax },
      storage:
        'redis' in place
          ? redisStorage(place.redis)
          : directoryStorage(place.directory, { watch: false }),
    });
    await store.initialize();
    registry = createServerRegistry({ store, maxPools });
  },
  /** `count` records, `server-0` and so on, of these servers over and over. */
  async register(count: number, servers: readonly BenchServer[]): Promise<number> {
    const records = servers.map(({ certificatePem, url }) =>
      createStoredCertificate({
        url,
        trust: { ca: certificatePem, authority: false },
        approvedBy: 'bench',
      }),
    );
    let next = 0;
    return timed(() =>
      Promise.all(
        Array.from({ length: WRITERS }, async () => {
          for (let i = next++; i < count; i = next++) {
            const record = records[i % records.length];
            if (record !== undefined) await store.set(`server-${i}`, record);
          }
        }),
      ),
    );
  },
  async list(): Promise<{ ms: number; servers: number; failed: number }> {
    let [servers, failed] = [0, 0];
    const ms = await timed(async () => {
      const entries = await registry.list();
      servers = entries.length;
      failed = entries.filter(({ error }) => error !== undefined).length;
    });
    return { ms, servers, failed };
  },
  /** Connects to one server after another, calls a tool of each, and keeps every client open. */
  async connectAll(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      times.push(
        await timed(async () => {
          const client = new Client({ name: 'bench', version: '1.0.0' });
          clients.push(client);
          await client.connect((await registry.streamableHttpClient(`server-${i}`)) as Transport);
          await client.callTool({ name: 'any' });
        }),
      );
    }
    return times;
  },
  /** Calls through every client, the first of which have lost their pool long since. */
  async callAll(): Promise<number> {
    let answered = 0;
    for (const client of clients) {
      const { content } = await client.callTool({ name: 'any' });
      if (Array.isArray(content)) answered++;
    }
    return answered;
  },
  async footprint(): Promise<Footprint> {
    for (let i = 0; i < 4; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return {
      heapBytes: heapUsed + external,
      rssBytes: rss,
      sockets: openSockets(),
      cached: store.stats().cached,
    };
  },
  async close(): Promise<void> {
    await Promise.all(clients.map((client) => client.close()));
    await registry.close();
  },
});

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Idle sockets of a pool do not hold the process, so `getActiveResourcesInfo()` leaves them out. */
function openSockets(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}
