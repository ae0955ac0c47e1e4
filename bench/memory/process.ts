/** What many servers cost in memory: registered, used once, connected. */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCustomClientFactory } from 'mcp-tls/core';
import { Agent, request } from 'undici';
import type { ServerAddress } from '../server/main.js';
import { collectGarbage } from '../support/memory.js';
import { serveTasks } from '../support/serve-tasks.js';

export interface OpenInput {
  readonly contender: string;
  /** `made`: no request. `used`: one, over a connection that is closed. `connected`: one, it stays. */
  readonly state: 'made' | 'used' | 'connected';
  /** All at once, before anything is counted. */
  readonly servers: readonly ServerAddress[];
}

/** The servers from one to before another. */
export interface HoldInput {
  readonly from: number;
  readonly to: number;
}

export interface HeldMemory {
  readonly rssPerServer: number;
  /** Of the JavaScript heap and what it holds outside. */
  readonly heapPerServer: number;
}

/** Until sockets that are closed are gone. */
const SETTLE_MS = 500;

type Ask = (url: string) => Promise<unknown>;

const CONTENDERS: Readonly<Record<string, (server: ServerAddress) => Ask>> = {
  'mcp-tls': ({ ca, origin }) => {
    const client = makeCustomClientFactory(ca)({ url: origin });
    return async (url) => (await client(url, { method: 'POST', body: '{}' })).text();
  },
  'undici-agent': ({ ca }) => {
    const dispatcher = new Agent({ connect: { ca } });
    return async (url) =>
      (await request(url, { dispatcher, method: 'POST', body: '{}' })).body.text();
  },
};

/** Kept, so that nothing is collected. */
const held: Ask[] = [];

let add: ((server: ServerAddress) => Promise<void>) | undefined;
let servers: readonly ServerAddress[] = [];

function open(input: OpenInput): void {
  const { contender, state } = input;
  const make = CONTENDERS[contender];
  if (make === undefined) throw new Error(`no contender '${contender}'`);
  servers = input.servers;
  add = async (server) => {
    const ask = make(server);
    held.push(ask);
    if (state !== 'made') await ask(`${server.origin}/${state === 'used' ? 'last' : 'echo'}`);
  };
}

/** Adds these servers to those that there are, and says what the process has grown by. */
async function hold({ from, to }: HoldInput): Promise<HeldMemory> {
  const before = await memory();
  for (const server of servers.slice(from, to)) await add?.(server);
  const after = await memory();
  return {
    rssPerServer: (after.rss - before.rss) / (to - from),
    heapPerServer: (after.heap - before.heap) / (to - from),
  };
}

async function memory(): Promise<{ rss: number; heap: number }> {
  await sleep(SETTLE_MS);
  await collectGarbage();
  const { external, heapUsed, rss } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

serveTasks({ open, hold });
