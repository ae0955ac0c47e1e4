/** One process of a gateway: calls servers at random until it is told to end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapCodeStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

/** One look at a process, every 5 s, after its garbage was collected. Sizes in bytes. */
export interface SoakSample {
  /** Milliseconds since the process started. */
  readonly at: number;
  readonly rss: number;
  readonly heap: number;
  /** Of the heap, what V8 compiled: more of it the longer a process runs, up to all that is used. */
  readonly code: number;
  /** What objects hold outside of the heap, as far as V8 knows. */
  readonly external: number;
  /** Calls so far. */
  readonly calls: number;
  /** What keeps the event loop busy, and of it sockets. */
  readonly handles: number;
  readonly sockets: number;
  /** Listeners of the process, of all events. */
  readonly listeners: number;
}

export interface WorkerReport {
  readonly calls: number;
  readonly answered: number;
  /** By code, or the kind of the error. */
  readonly failures: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly samples: readonly SoakSample[];
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
/** Calls of one client in a row: a gateway's clients call more than once. */
const BURST = 40;
const SAMPLE_MS = 5_000;
const FAILED_MS = 50;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let store: EncryptedCertificateStore;
let registry: ServerRegistry;
let running = true;
let callers: Promise<unknown>;
let sampling: NodeJS.Timeout;
const clients = new Map<string, Promise<AnyClient>>();
const failures: Record<string, number> = {};
const samples: SoakSample[] = [];
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
  let [at, id, kind] = ['', '', ''];
  for (let turn = 0; running; turn++) {
    if (turn % BURST === 0) {
      id = ids[Math.floor(Math.random() * ids.length)] as string;
      kind = KINDS[Math.floor(Math.random() * KINDS.length)] as string;
      at = `${id} ${kind}`;
    }
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
      // Where nothing works, nobody calls as fast as he can.
      await sleep(FAILED_MS);
    }
    const [oldest] = clients.keys();
    if (clients.size > MAX_CLIENTS && oldest !== undefined && oldest !== at) await forget(oldest);
  }
}

function sample(): void {
  collectGarbage();
  const { rss, heapUsed: heap, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const sockets = resources.filter((name) => SOCKET.test(name)).length;
  const events = process.eventNames();
  const listeners = events.reduce((sum, event) => sum + process.listenerCount(event), 0);
  const compiled = getHeapCodeStatistics();
  const code = compiled.code_and_metadata_size + compiled.bytecode_and_metadata_size;
  const [at, handles] = [performance.now(), resources.length];
  samples.push({ at, rss, heap, code, external, calls, handles, sockets, listeners });
}

const SOCKET = /TCP|TLS/;

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
    sampling = setInterval(sample, SAMPLE_MS).unref();
  },
  async end(): Promise<WorkerReport> {
    clearInterval(sampling);
    running = false;
    await callers;
    await Promise.all([...clients.keys()].map(forget));
    await registry.close();
    await store.close();
    await sleep(200);
    const left = process.getActiveResourcesInfo().filter((name) => SOCKET.test(name));
    setImmediate(() => process.disconnect());
    return { calls, answered, failures, wrong, samples, left };
  },
});
