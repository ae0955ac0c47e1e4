/**
 * A gateway over a registry of many servers, some of them hostile, in a process of its own.
 *
 *   gateway QUIET_MS HOSTILE_MS GOOD HOSTILE
 *
 * Prints a sample as a line of JSON every few seconds, and at the end what calls to the good ones took.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  createCertificateStore,
  createServerRegistry,
  streamableHttpClient,
} from '../../src/index.js';
import type { GatewayServer } from './gateway-servers.js';
import { collect, descriptors, socketsTo } from './measure.js';

export interface Sample {
  readonly phase: 'quiet' | 'hostile';
  readonly seconds: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly descriptors: number;
  /** To the hostile servers. */
  readonly sockets: number;
  readonly cpuMs: number;
  readonly events: Readonly<Record<string, number>>;
}

export interface Latencies {
  readonly phase: 'quiet' | 'hostile';
  readonly calls: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Between two calls to good servers, each of which is called in its turn. */
const CALL_EVERY_MS = 20;
const SAMPLE_EVERY_MS = 5_000;
/** As often as each of the good ones is called, of 180; and as often, their health is looked at. */
const HOSTILE_EVERY_MS = 3_600;
/** A session with a hostile server is begun anew after so many calls. */
const CALLS_OF_SESSION = 3;
const CALL_MS = 2_000;

const [quietMs, hostileMs, good, hostile] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const goodServers = JSON.parse(good) as readonly GatewayServer[];
const hostileServers = JSON.parse(hostile) as readonly GatewayServer[];
const hostilePorts = hostileServers.map(({ url }) => Number(new URL(url).port));

const store = createCertificateStore({
  keys: [{ id: 'k1', key: randomBytes(32) }],
  storage: 'memory',
  whenEmpty: 'create',
});
const registry = createServerRegistry({
  store,
  timeout: { connectMs: 2_000 },
  // An SDK reads the whole of an answer, and keeps it.
  maxBodyBytes: 4 * 1_048_576,
});
const events: Record<string, number> = {};
let failures = 0;
process.on('unhandledRejection', (reason) => {
  console.error('unhandled rejection', reason);
  failures++;
});

for (const [i, { url, fingerprint }] of goodServers.entries()) {
  await registry.register(`good-${i}`, url, { expectFingerprint: fingerprint });
}
for (const [i, { url, fingerprint }] of hostileServers.entries()) {
  await registry.register(`hostile-${i}`, url, { expectFingerprint: fingerprint });
}
const watch = registry.watch({ intervalMs: 20_000 });
for (const type of ['changed', 'refused', 'renewed', 'expiring', 'revoked'] as const) {
  watch.on(type, () => {
    events[type] = (events[type] ?? 0) + 1;
  });
}

async function open(id: string, url: string, timeout = CALL_MS): Promise<Client> {
  const client = new Client({ name: 'gateway', version: '1' });
  client.onerror = () => {};
  const clientFactory = await registry.clientFactory(id);
  const transport = streamableHttpClient(url, { clientFactory });
  await client.connect(transport as Transport, { timeout });
  return client;
}

const clients: Client[] = [];
for (const [i, { url }] of goodServers.entries())
  clients.push(await open(`good-${i}`, url, 20_000));

async function callGood(client: Client, into: number[]): Promise<boolean> {
  const begin = performance.now();
  try {
    await client.callTool({ name: 'echo', arguments: { text: 'x' } }, undefined, {
      timeout: 10_000,
    });
    into.push(performance.now() - begin);
    return true;
  } catch {
    return false;
  }
}

/** Calls good servers at a fixed rate for so long. */
async function load(phase: Latencies['phase'], ms: number): Promise<Latencies> {
  const latencies: number[] = [];
  const running: Promise<boolean>[] = [];
  const begin = performance.now();
  for (let i = 0; performance.now() - begin < ms; i++) {
    running.push(callGood(clients[i % clients.length] as Client, latencies));
    const next = begin + (i + 1) * CALL_EVERY_MS - performance.now();
    if (next > 0) await pause(next);
  }
  const failed = (await Promise.all(running)).filter((one) => !one).length;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
  const worst = latencies.at(-1) ?? Number.NaN;
  return { phase, calls: latencies.length, failed, p50: at(0.5), p99: at(0.99), worst };
}

const ending = new AbortController();

/** What a gateway does with a server that it does not know to be hostile: sessions, calls, health checks. */
async function attend(id: string, url: string): Promise<void> {
  while (!ending.signal.aborted) {
    const client = await open(id, url).catch(() => undefined);
    for (let i = 0; i < CALLS_OF_SESSION && !ending.signal.aborted; i++) {
      // Not awaited: whoever calls a gateway does not wait for another's call.
      client?.callTool({ name: 'x' }, undefined, { timeout: CALL_MS }).catch(() => {});
      void checkHealth(id, url);
      // Not all of them in the same breath.
      await pause(HOSTILE_EVERY_MS * (0.5 + Math.random()));
    }
    await client?.close();
  }
}

/** Looks at the status, and forgets the answer. */
async function checkHealth(id: string, url: string): Promise<void> {
  try {
    const client = (await registry.clientFactory(id))();
    const signal = AbortSignal.timeout(CALL_MS);
    void (await client(url, { headers: { 'x-health': '1' }, signal })).ok;
  } catch {
    // Refused: it is said to the watch.
  }
}

let phase: Sample['phase'] = 'quiet';
const startedAt = performance.now();
let cpu = process.cpuUsage();

function sample(): void {
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const one: Sample = {
    phase,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    rssMb: Math.round(rss / 1_048_576),
    heapMb: Math.round(heapUsed / 1_048_576),
    descriptors: descriptors(),
    sockets: socketsTo(hostilePorts),
    cpuMs: Math.round((user + system) / 1_000),
    events: { ...events },
  };
  console.log(JSON.stringify(one));
}

await load('quiet', 3_000);
collect();
const timer = setInterval(sample, SAMPLE_EVERY_MS);
console.log(JSON.stringify(await load('quiet', Number(quietMs))));
phase = 'hostile';
const attending = hostileServers.map(({ url }, i) => attend(`hostile-${i}`, url));
console.log(JSON.stringify(await load('hostile', Number(hostileMs))));
ending.abort();
clearInterval(timer);
await Promise.all(attending);
await watch.close();
console.log(JSON.stringify({ failures }));
process.exit(failures === 0 ? 0 : 1);
