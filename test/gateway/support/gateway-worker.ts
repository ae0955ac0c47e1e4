/**
 * One worker process of a gateway: a store and a registry of its own. Does what the test tells it by
 * message.
 */
import { createDecipheriv, type DecipherGCM } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type Approval,
  createCertificateStore,
  createServerRegistry,
  directoryStorage,
  type EncryptedCertificateStore,
  explainTlsError,
  type RegisterOptions,
  type ServerChanges,
  type ServerRegistry,
} from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { serveCalls } from '../../store/workers/serve-calls.js';

/** Where the store of a worker is. Keys as base64url. */
export interface WorkerPlace {
  readonly place: { readonly redis: string } | { readonly directory: string };
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  /** Of the cache. Default: the store's. */
  readonly ttlMs?: number;
}

/** How a client of a worker reaches its server: an endpoint of the test's servers. */
export type Way = '/mcp' | '/json' | '/sse';

/** `ok`, or the code of the failure, or its text. */
export type Outcome = string;

let store: EncryptedCertificateStore;
let registry: ServerRegistry;
const clients = new Map<string, Client>();
/** Calls that were begun, by server. */
const calls = new Map<string, Promise<Outcome>[]>();
const streams = new Map<string, Promise<{ at: number; code: Outcome }>>();
/** Changes that this process has been told of since the test last asked for the count from 0. */
let noticed: string[] = [];
const decryptions = countDecryptions();

const TASKS: Record<string, (...args: never[]) => Promise<unknown>> = {
  async open({ place, keys, ttlMs }: WorkerPlace) {
    store = createCertificateStore({
      keys,
      ...(ttlMs === undefined ? {} : { cache: { ttlMs } }),
      storage:
        'redis' in place
          ? redisStorage(place.redis)
          : directoryStorage(place.directory, { watch: false }),
    });
    store.onChange((id = '*') => noticed.push(id));
    registry = createServerRegistry({ store });
    while (store.stats().listening === false) await sleep(2);
  },
  async initialize() {
    return store.initialize();
  },
  async register(id: string, url: string, options: RegisterOptions) {
    return registry.register(id, url, options);
  },
  async renew(id: string, approval: Approval) {
    return registry.renew(id, approval);
  },
  async update(id: string, changes: ServerChanges) {
    return registry.update(id, changes);
  },
  async revoke(id: string) {
    return registry.revoke(id);
  },
  async certificateFile(id: string) {
    return (await registry.certificateFile(id)).path;
  },
  /** Begins to read an answer that does not end. */
  async openStream(id: string, url: string) {
    const response = await (await registry.clientFactory(id))()(url);
    streams.set(id, endOf(response));
  },
  /** When and why that ended, by the monotonic clock of the machine, in ms. */
  async streamEnd(id: string) {
    return streams.get(id);
  },
  async request(id: string, url: string) {
    const answer = async () => (await (await registry.clientFactory(id))()(url)).status;
    return answer().then(String, outcomeOf);
  },
  async list() {
    return registry.list();
  },
  async record(id: string) {
    return store.get(id);
  },
  connect,
  async callTool(id: string, way: Way, name: string, args: Record<string, unknown>) {
    const { content } = await clientOf(id, way).callTool({ name, arguments: args });
    return content;
  },
  /** Begins a call and does not wait for it. */
  async begin(id: string, way: Way) {
    calls.set(id, [...(calls.get(id) ?? []), hold(id, way).then(() => 'ok', outcomeOf)]);
  },
  /** How all that was begun came out. */
  async outcomes(id: string) {
    const begun = calls.get(id) ?? [];
    calls.delete(id);
    return Promise.all(begun);
  },
  async forgetNoticed() {
    noticed = [];
  },
  /** Waits until this process was told of a change of `id`. */
  async notice(id: string) {
    while (!noticed.includes(id)) await sleep(2);
  },
  /** What a fetch without our trust says. */
  async plainFetch(url: string) {
    return fetch(url).then(
      () => 'ok',
      (error) => String((error as { cause?: { code?: string } }).cause?.code),
    );
  },
  async loads() {
    return store.stats().loads;
  },
  async decryptions() {
    return decryptions;
  },
};

/** Opens a client of the server, in the place of an older one. Its bearer token says whether a change was noticed before. */
async function connect(id: string, way: Way): Promise<void> {
  await clients.get(`${id} ${way}`)?.close();
  const client = new Client({ name: 'gateway-worker', version: '1.0.0' });
  const options = { endpoint: way, auth: () => (noticed.length > 0 ? 'after' : 'before') };
  const transport =
    way === '/sse'
      ? await registry.sseClient(id, options)
      : await registry.streamableHttpClient(id, options);
  await client.connect(transport as Transport);
  clients.set(`${id} ${way}`, client);
}

async function hold(id: string, way: Way): Promise<void> {
  // Shorter than the SDK's minute: a call that nobody answers is to be told soon.
  await clientOf(id, way).callTool({ name: 'hold' }, undefined, { timeout: 20_000 });
}

function clientOf(id: string, way: Way): Client {
  const client = clients.get(`${id} ${way}`);
  if (client === undefined) throw new Error(`no client of ${id} over ${way}`);
  return client;
}

async function endOf(response: Response): Promise<{ at: number; code: Outcome }> {
  let code = 'ended';
  try {
    for await (const _ of response.body as AsyncIterable<unknown>);
  } catch (error) {
    code = outcomeOf(error);
  }
  return { at: Number(process.hrtime.bigint()) / 1e6, code };
}

const outcomeOf = (error: unknown): Outcome => explainTlsError(error)?.code ?? String(error);

/**
 * Counts what this process really decrypts with AES-GCM, by what it belongs to: the header of an
 * envelope is the additional data of its decryption.
 */
function countDecryptions(): string[] {
  const seen: string[] = [];
  const one = createDecipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12));
  const decipher = Object.getPrototypeOf(one) as DecipherGCM;
  const { setAAD } = decipher;
  decipher.setAAD = function (this: DecipherGCM, data, options) {
    const header = Buffer.from(Buffer.from(data as Uint8Array).toString(), 'base64url');
    const { kind, id } = JSON.parse(header.toString())['mcp-tls'];
    seen.push(`AES-GCM ${kind} ${id}`.trim());
    return setAAD.call(this, data, options);
  };
  return seen;
}

serveCalls(TASKS);
