/**
 * A gateway over a registry of many servers, some of them hostile, in a process of its own.
 *
 *   gateway QUIET_MS HOSTILE_MS GOOD HOSTILE [COLLECT_EVERY_MS]
 *
 * Prints a sample as a line of JSON every few seconds, and at the end what calls to the good ones took. Where
 * COLLECT_EVERY_MS is given, a sample is taken that often, after a whole garbage collection: then its heap is
 * what is kept, and the latencies are those of the collections. At the end all calls and sessions with hostile
 * servers are over, and what is left is sampled as the phase `after`.
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
  readonly phase: 'quiet' | 'hostile' | 'after';
  readonly seconds: number;
  readonly rssMb: number;
  readonly heapMb: number;
  /** Of the heap with what V8 keeps for it unused. */
  readonly heapTotalMb: number;
  /** Of buffers, and of whatever else is outside of the heap. */
  readonly externalMb: number;
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
/** The same where memory is looked at: calls that wait for each other are memory too. */
const SELDOM_MS = 100;
/** Until what the hostile servers left has ended by its limits, of which idle connections have the longest. */
const SETTLING_MS = 65_000;
const SAMPLE_EVERY_MS = 5_000;
/** As often as each of the good ones is called, of 180; and as often, their health is looked at. */
const HOSTILE_EVERY_MS = 3_600;
/** A session with a hostile server is begun anew after so many calls. */
const CALLS_OF_SESSION = 3;
const CALL_MS = 2_000;

const [quietMs, hostileMs, good, hostile, collectEvery] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
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
  const everyMs = collectEvery === undefined ? CALL_EVERY_MS : SELDOM_MS;
  const latencies: number[] = [];
  const running: Promise<boolean>[] = [];
  const begin = performance.now();
  for (let i = 0; performance.now() - begin < ms; i++) {
    running.push(callGood(clients[i % clients.length] as Client, latencies));
    const next = begin + (i + 1) * everyMs - performance.now();
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
  // Twice: what the first one finalizes is garbage for the second.
  if (collectEvery !== undefined) for (let i = 0; i < 2; i++) collect();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const one: Sample = {
    phase,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    rssMb: megabytes(rss),
    heapMb: megabytes(heapUsed),
    heapTotalMb: megabytes(heapTotal),
    externalMb: megabytes(external),
    descriptors: descriptors(),
    sockets: socketsTo(hostilePorts),
    cpuMs: Math.round((user + system) / 1_000),
    events: { ...events },
  };
  console.log(JSON.stringify(one));
}

const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;

await load('quiet', 3_000);
collect();
const timer = setInterval(sample, Number(collectEvery ?? SAMPLE_EVERY_MS));
console.log(JSON.stringify(await load('quiet', Number(quietMs))));
phase = 'hostile';
const attending = hostileServers.map(({ url }, i) => attend(`hostile-${i}`, url));
console.log(JSON.stringify(await load('hostile', Number(hostileMs))));
ending.abort();
if (collectEvery === undefined) clearInterval(timer);
await Promise.all(attending);
if (collectEvery !== undefined) {
  phase = 'after';
  await load('quiet', SETTLING_MS);
  clearInterval(timer);
}
await watch.close();
console.log(JSON.stringify({ failures }));
process.exit(failures === 0 ? 0 : 1);
