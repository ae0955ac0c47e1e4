/** One process of a gateway: calls servers at random until it is told to end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  createCertificateStore,
  createServerRegistry,
  type EncryptedCertificateStore,
  explainTlsError,
  type ServerRegistry,
  sseClient,
  streamableHttpClient,
} from '../../src/index.js';
import { redisStorage } from '../../src/redis/index.js';
import { streamableHttpClient as streamableHttpClientV2 } from '../../src/v2.js';
import { serveCalls } from '../store/workers/serve-calls.js';

export interface WorkerStart {
  readonly name: string;
  readonly redis: string;
  readonly key: { readonly id: string; readonly key: string };
  /** URL by id. */
  readonly servers: Readonly<Record<string, string>>;
  readonly callers: number;
}

export interface WorkerReport {
  readonly calls: number;
  readonly answered: number;
  /** By code, or the kind of the error. */
  readonly failures: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly samples: readonly {
    readonly at: number;
    readonly rss: number;
    readonly handles: number;
  }[];
  /** What was still there after everything was closed. */
  readonly left: readonly string[];
}

interface AnyClient {
  callTool(call: { name: string; arguments: { text: string } }): Promise<unknown>;
  close(): Promise<void>;
}

/** Clients that are kept open, each with a stream of its own. */
const MAX_CLIENTS = 24;
const CALL_MS = 10_000;

let store: EncryptedCertificateStore;
let registry: ServerRegistry;
let running = true;
let callers: Promise<unknown>;
const clients = new Map<string, Promise<AnyClient>>();
const failures: Record<string, number> = {};
const samples: WorkerReport['samples'][number][] = [];
let [calls, answered, wrong] = [0, 0, 0];

async function connect(id: string, kind: string, url: string): Promise<AnyClient> {
  const clientFactory = await registry.clientFactory(id);
  const info = { name: 'soak', version: '1' };
  if (kind === 'v2') {
    const client = new ClientV2(info);
    await client.connect(streamableHttpClientV2(`${url}/mcp`, { clientFactory }));
    return client as AnyClient;
  }
  const client = new Client(info);
  const transport =
    kind === 'sse'
      ? sseClient(`${url}/sse`, { clientFactory })
      : streamableHttpClient(`${url}/mcp`, { clientFactory });
  await client.connect(transport);
  return client as AnyClient;
}

const KINDS = ['v1', 'sse', 'v2'];

async function caller({ name, servers }: WorkerStart, number: number): Promise<void> {
  const ids = Object.keys(servers);
  while (running) {
    const id = ids[Math.floor(Math.random() * ids.length)] as string;
    const kind = KINDS[calls % KINDS.length] as string;
    const at = `${id} ${kind}`;
    const text = `${name}-${number}-${calls++}`;
    try {
      let client = clients.get(at);
      if (client === undefined) {
        client = connect(id, kind, servers[id] as string);
        clients.set(at, client);
        client.catch(() => {});
      }
      const call = (await client).callTool({ name: 'echo', arguments: { text } });
      const result = await Promise.race([call, sleep(CALL_MS, 'late', { ref: false })]);
      if (result === 'late') throw new Error('late');
      if (JSON.stringify(result).includes(text)) answered++;
      else wrong++;
    } catch (error) {
      const code = explainTlsError(error)?.code ?? (error as Error).name;
      failures[code] = (failures[code] ?? 0) + 1;
      await forget(at);
    }
    const [oldest] = clients.keys();
    if (clients.size > MAX_CLIENTS && oldest !== undefined && oldest !== at) await forget(oldest);
  }
}

async function forget(at: string): Promise<void> {
  const client = clients.get(at);
  clients.delete(at);
  await client?.then((one) => one.close()).catch(() => {});
}

serveCalls({
  async start(options: WorkerStart) {
    const storage = redisStorage(options.redis);
    store = createCertificateStore({ keys: options.key, storage, namespace: 'soak' });
    registry = createServerRegistry({ store });
    callers = Promise.all(Array.from({ length: options.callers }, (_, i) => caller(options, i)));
    setInterval(() => {
      const handles = process.getActiveResourcesInfo().length;
      samples.push({ at: performance.now(), rss: process.memoryUsage.rss(), handles });
    }, 1_000).unref();
  },
  async end(): Promise<WorkerReport> {
    running = false;
    await callers;
    await Promise.all([...clients.keys()].map(forget));
    await registry.close();
    await store.close();
    await sleep(200);
    const left = process.getActiveResourcesInfo().filter((name) => /TCP|TLS/.test(name));
    setImmediate(() => process.disconnect());
    return { calls, answered, failures, wrong, samples, left };
  },
});
