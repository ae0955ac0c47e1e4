/** What a hostile server does, and what a client does about it. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { fetchPeerCertificate, streamableHttpClient } from '../../src/index.js';
import type { HostileClient, Kind } from './clients.js';
import { watchAlternating, watchAmongStalling } from './watching.js';

export interface Scene {
  readonly kind: Kind;
  readonly client: HostileClient;
  /** `https://127.0.0.1:PORT` of one of the hostile servers. */
  at(server: string): string;
  readonly ca: string;
}

/** What is measured. Milliseconds, megabytes, sockets, and whatever else a behaviour counts. */
export type Metric = 'cpuMs' | 'peakMb' | 'stallMs' | 'sockets' | 'count';

export interface Behaviour {
  readonly name: string;
  /** @returns a count of its own, if it is a number */
  readonly run: (scene: Scene) => Promise<unknown>;
  /** Of the client. */
  readonly maxConnections?: number;
  readonly connectMs?: number;
  /** What the count is of. */
  readonly counts?: string;
  /**
   * What ours must stay below where the controls have no bound: it is not compared with theirs then, however
   * little they need. Whatever is not here is compared.
   */
  readonly bounds?: Readonly<Partial<Record<Metric, number>>>;
  /** Those that can be asked. Default: all three. */
  readonly kinds?: readonly Kind[];
  /** The first Node.js line that has it. */
  readonly since?: number;
  /** Sockets are looked at after the long wait, and not at once. */
  readonly settles?: boolean;
}

const mebibytes = (megabytes: number): number => megabytes;

/** Refusals are what is wanted, or all there is: the measurement says the rest. */
const quietly = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => {});

async function readAll(response: Response): Promise<void> {
  for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>);
}

/** As the MCP SDK reads an event stream: through a decoder, and what puts lines together. */
async function readEvents(response: Response): Promise<number> {
  let rest = '';
  const lines = new TransformStream<string, string>({
    transform(text, controller) {
      const complete = (rest + text).split('\n');
      rest = complete.pop() as string;
      for (const line of complete) if (line !== '') controller.enqueue(line);
    },
  });
  const events = (response.body as ReadableStream)
    .pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(lines as never)
    .getReader();
  let count = 0;
  while (!(await events.read()).done) count++;
  return count;
}

const get =
  (path: string, server = 'main') =>
  ({ client, at }: Scene): Promise<Response> =>
    client.fetch(`${at(server)}${path}`);

/** Reads for so long, and no longer. */
function forSome(path: string, ms: number, read: (response: Response) => Promise<unknown>) {
  return async (scene: Scene): Promise<void> => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), ms);
    const url = `${scene.at('main')}${path}`;
    const asked = scene.client.fetch(url, { signal: abort.signal });
    await quietly(asked.then(read));
    // Refused, or at its end: the rest of the time is the same for all.
    if (!abort.signal.aborted) await pause(ms > 3_000 ? 0 : 50);
    clearTimeout(timer);
    abort.abort();
  };
}

function late(path: string, read: (response: Response) => Promise<unknown>) {
  return async (scene: Scene): Promise<void> => {
    const response = await get(path)(scene);
    await pause(1_500);
    await read(response);
  };
}

/** Answers that nobody reads. */
function dropped(path: string) {
  return async (scene: Scene): Promise<void> => {
    const drop = async (): Promise<void> => void (await get(path)(scene)).status;
    for (let i = 0; i < 100; i++) await drop();
    await pause(2_000);
  };
}

async function connect(scene: Scene, path: string): Promise<Client> {
  const url = `${scene.at('main')}${path}`;
  const transport =
    scene.kind === 'ours'
      ? streamableHttpClient(url, { trust: scene.ca })
      : new StreamableHTTPClientTransport(new URL(url), { fetch: scene.client.fetch });
  const client = new Client({ name: 'hostile', version: '1' });
  client.onerror = () => {};
  await client.connect(transport as Transport);
  return client;
}

async function many(count: number, one: (index: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => quietly(one(i))));
}

const body = (response: Response): Promise<string> => response.text();

export const BEHAVIOURS: readonly Behaviour[] = [
  { name: '390 KB of 1-byte chunks, read late', run: late('/one/65000', readAll) },
  {
    name: '780 KB of events in 1-byte chunks, piped late',
    run: late('/comments/780000', readEvents),
  },
  { name: '1.8 MB of 1-byte chunks, read at once', run: forSome('/one/300000', 20_000, readAll) },
  { name: '1.8 MB of 1-byte chunks, text()', run: forSome('/one/300000', 20_000, body) },
  {
    name: '1 MB of events in 1-byte chunks, piped',
    run: forSome('/comments/1000000', 20_000, readEvents),
  },
  { name: '100 answers that nobody reads', run: dropped('/bytes/300'), settles: true },
  {
    name: '100 answers of 1-byte chunks that nobody reads',
    run: dropped('/one/200000'),
    settles: true,
  },
  {
    name: '1-byte chunks with 16 KB extensions, unread',
    run: forSome('/one/100000/16000', 5_000, () => pause(5_000)),
    bounds: { peakMb: mebibytes(64) },
  },
  {
    name: '1-byte chunks with 16 KB extensions, text()',
    run: forSome('/one/100000/16000', 5_000, body),
  },
  { name: 'the extension of a chunk, without end', run: forSome('/extension', 3_000, body) },
  {
    name: '100 calls that the SDK gives up',
    run: async (scene) => {
      const client = await connect(scene, '/mcp');
      await many(100, () => client.callTool({ name: 'x' }, undefined, { timeout: 300 }));
    },
    settles: true,
    bounds: { sockets: 1 },
  },
  {
    name: '200 requests to a silent server, 16 connections allowed',
    maxConnections: 16,
    connectMs: 2_000,
    run: async ({ client, at }) => {
      const { signal } = new AbortController();
      void many(200, () => client.fetch(`${at('main')}/silent`, { signal }));
      await pause(3_000);
    },
  },
  {
    name: 'an event stream that ends at once, retry: 0',
    run: async (scene) => {
      const client = await connect(scene, '/retry');
      await pause(5_000);
      await client.close();
    },
    counts: 'GETs',
    bounds: { count: 20 },
  },
  {
    name: '10 handshakes with 38 huge exponents',
    run: async ({ client, at }) => {
      for (let i = 0; i < 10; i++) await quietly(client.fetch(at('exponents')));
    },
  },
  {
    name: '10 probes of 38 huge exponents',
    kinds: ['ours'],
    run: async ({ at }) => {
      for (let i = 0; i < 10; i++) await quietly(fetchPeerCertificate(at('exponents')));
    },
    bounds: { cpuMs: 700, stallMs: 150 },
  },
  { name: 'DHE with 10,000 bits', run: (scene) => void_(get('/', 'dhe')(scene)) },
  {
    name: 'DHE with 10,000 bits, probed',
    kinds: ['ours'],
    run: ({ at }) => void_(fetchPeerCertificate(at('dhe'))),
    bounds: { cpuMs: 200, stallMs: 150 },
  },
  {
    name: 'a certificate of 3,000 names, none of them ours',
    run: async (scene) => {
      const error = (await get('/', 'names')(scene).catch((e: unknown) => e)) as Error;
      const { cause = error } = error;
      return JSON.stringify({ ...(cause as object), message: (cause as Error).message }).length;
    },
    counts: 'characters of the error',
    bounds: { count: 3_000 },
  },
  {
    name: '10 streams of zstd with a window of 128 MB',
    kinds: ['ours', 'undici'],
    since: 24,
    run: async (scene) => {
      const read = async (): Promise<void> => {
        const { body: stream } = await get('/window/140/zstd')(scene);
        const reader = stream?.getReader();
        void quietly(
          (async () => {
            while (!(await reader?.read())?.done);
          })(),
        );
      };
      for (let i = 0; i < 10; i++) await quietly(read());
      await pause(4_000);
    },
    bounds: { peakMb: mebibytes(200) },
  },
  {
    name: 'a gzip bomb of 140 MB of events',
    kinds: ['ours', 'undici'],
    run: forSome('/bomb/140/gzip', 20_000, readEvents),
  },
  {
    name: 'a brotli bomb of 140 MB of events',
    kinds: ['ours', 'undici'],
    run: forSome('/bomb/140/br', 20_000, readEvents),
  },
  {
    name: '200 idle connections, kept alive by the server',
    run: ({ client, at }) =>
      many(200, async () => body(await client.fetch(`${at('main')}/together/200`))),
    settles: true,
    bounds: { sockets: 64 },
  },
  {
    name: '2,000 origins that nobody answers at',
    run: async ({ client }) => {
      for (let i = 0; i < 2_000; i++) {
        await quietly(client.fetch(`https://127.1.${i >> 8}.${i & 255}:65501/`));
      }
    },
  },
  {
    name: '300 MB that nobody reads, for 4 s',
    run: forSome('/bytes/300', 4_000, () => pause(4_000)),
  },
  {
    name: '300 MB, read slowly for 4 s',
    run: forSome('/bytes/300', 4_000, async ({ body: stream }) => {
      for await (const _ of stream as unknown as AsyncIterable<unknown>) await pause(50);
    }),
  },
  { name: '300 MB, read at once', run: forSome('/bytes/300', 20_000, readAll) },
  { name: 'a header of 1 MB', run: forSome('/header/1000000', 3_000, body) },
  { name: 'trailers without end', run: forSome('/trailers', 3_000, body) },
  {
    name: 'interim answers without end',
    run: forSome('/interim', 3_000, body),
    bounds: { cpuMs: 200 },
  },
  { name: 'redirects without end', run: forSome('/redirect/0', 3_000, body) },
  {
    name: 'connection: close, 200 times',
    run: async (scene) => {
      for (let i = 0; i < 200; i++) await body(await get('/close')(scene));
    },
  },
  {
    name: 'closed after the handshake, 50 times',
    run: async (scene) => {
      for (let i = 0; i < 50; i++) await quietly(get('/', 'closing')(scene));
    },
  },
  { name: '60,000 session tickets', run: (scene) => void_(get('/', 'tickets')(scene)) },
  {
    name: '20,000 KeyUpdates that want an answer',
    run: (scene) => void_(get('/', 'keyUpdates')(scene)),
  },
  {
    name: 'watch(): 20 servers that change among 100 that stall for the limit of 1 s',
    kinds: ['ours'],
    run: watchAmongStalling,
    counts: 'ms until the last change was reported',
    bounds: { count: 5_000 },
  },
  {
    name: 'watch(): a server that shows another certificate with each of 60 requests',
    kinds: ['ours'],
    run: watchAlternating,
    counts: 'events',
    bounds: { count: 4 },
  },
  {
    name: '500 stalled handshakes, limit 2 s',
    connectMs: 2_000,
    maxConnections: 500,
    run: (scene) => many(500, () => get('/', 'stall')(scene)),
  },
  {
    name: '5,000 requests on one signal',
    run: async ({ client, at }) => {
      const { signal } = new AbortController();
      for (let i = 0; i < 5_000; i++)
        await body(await client.fetch(`${at('main')}/ok`, { signal }));
    },
  },
];

/** Whatever it comes to. */
async function void_(promise: Promise<unknown>): Promise<void> {
  await quietly(promise);
}
