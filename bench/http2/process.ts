/** The client of the comparison: this library over HTTP/1.1, and undici 8 over both versions of HTTP. */
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request, fetch as undiciFetch } from 'undici-8';
import { makeCustomClientFactory, secureConnect } from '../../src/core.js';
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { serveTasks } from '../support/serve-tasks.js';

export const TEXT = 'hello';

const NO_LIMITS = { headersTimeout: 0, bodyTimeout: 0 };
const POST = {
  method: 'POST' as const,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: TEXT } },
  }),
};

interface Contender {
  /** One POST, its answer as text. */
  post(path: string): Promise<string>;
  /** The answer to a GET, as soon as its head is there. */
  get(path: string, signal?: AbortSignal): Promise<{ readonly body: ReadableStream | null }>;
}

const contenders = new Map<string, Contender>();

function open({ url, ca }: { readonly url: string; readonly ca: string }): void {
  const ours = makeCustomClientFactory(ca)({ url });
  contenders.set('mcp-tls, HTTP/1.1', {
    post: async (path) => (await ours(url + path, POST)).text(),
    get: (path, signal) => ours(url + path, signal && { signal }),
  });
  const overHttp1 = new Agent({ connect: { ca }, allowH2: false, ...NO_LIMITS });
  // As it would be built: the same judge, on the same connections, and undici's HTTP/2 over them.
  const overHttp2 = new Agent({
    allowH2: true,
    ...NO_LIMITS,
    connect({ hostname, port }, callback) {
      const alpnProtocols = ['h2', 'http/1.1'];
      secureConnect(`https://${hostname}:${port}`, { trust: { ca }, alpnProtocols }).then(
        (socket) => callback(null, socket),
        (error) => callback(error, null),
      );
    },
  });
  for (const [version, dispatcher] of [
    ['HTTP/1.1', overHttp1],
    ['HTTP/2', overHttp2],
  ] as const) {
    const get: Contender['get'] = (path, signal) =>
      undiciFetch(url + path, { dispatcher, ...(signal && { signal }) }) as Promise<never>;
    contenders.set(`undici.request, ${version}`, {
      post: async (path) => (await request(url + path, { dispatcher, ...POST })).body.text(),
      get,
    });
    contenders.set(`undici.fetch, ${version}`, {
      post: async (path) => (await undiciFetch(url + path, { dispatcher, ...POST })).text(),
      get,
    });
  }
}

const names = (): readonly string[] => [...contenders.keys()];

function contender(name: string): Contender {
  const found = contenders.get(name);
  if (found === undefined) throw new Error(`no contender '${name}'`);
  return found;
}

export interface Batch {
  readonly name: string;
  readonly path: string;
  readonly calls: number;
  readonly atOnce: number;
}

function batch({ name, path, calls, atOnce }: Batch): Promise<CallCost> {
  const { post } = contender(name);
  const call = async (): Promise<void> => {
    if (!(await post(path)).includes(TEXT)) throw new Error('not the right answer');
  };
  return measureCalls(call, calls, atOnce);
}

/** Opens so many event streams, and leaves them open. @returns how a call beside them goes, in ms */
async function hold({ name, streams }: { readonly name: string; readonly streams: number }) {
  const { get, post } = contender(name);
  const ending = new AbortController();
  const all = Array.from({ length: streams }, async () => {
    const reader = (await get('/hold', ending.signal)).body?.getReader();
    await reader?.read();
    return reader;
  });
  await Promise.all(all);
  const begin = performance.now();
  await post('/json');
  const ms = performance.now() - begin;
  return { ms, end: () => ending.abort() };
}

let endHeld: (() => void) | undefined;

async function holdStreams(input: { readonly name: string; readonly streams: number }) {
  const { ms, end } = await hold(input);
  endHeld = end;
  return ms;
}

async function releaseStreams(): Promise<void> {
  endHeld?.();
  await pause(200);
}

/** Answers of 4 MB that nobody reads, and a call beside them. @returns how that ended */
async function unread({ name, answers }: { readonly name: string; readonly answers: number }) {
  const { get, post } = contender(name);
  const ending = new AbortController();
  let outcome = 'answered';
  try {
    const held = [];
    for (let i = 0; i < answers; i++) held.push(await get('/large', ending.signal));
    await pause(500);
    await post('/json');
  } catch (error) {
    const { cause = error } = error as Error;
    outcome = `failed: ${(cause as Error).message}`;
  }
  ending.abort();
  await pause(200);
  return outcome;
}

process.on('unhandledRejection', () => {
  // Of streams that were ended while somebody read them.
});
serveTasks({ open, names, batch, holdStreams, releaseStreams, unread });
