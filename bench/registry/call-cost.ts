/**
 * What a call through a registry costs, beside the same call through a factory of one's own.
 *
 *   npm run bench:registry:calls
 *
 * Client CPU of MCP SDK calls and of bare POSTs over the built package, in one process, in turns; the
 * server is another process. Prints medians over the rounds and their ratio.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  createCertificateStore,
  createServerRegistry,
  makeCustomClientFactory,
  streamableHttpClient,
} from 'mcp-tls';
import { startWorker } from '../../test/store/workers/start-worker.js';
import { interleave } from '../support/interleave.js';
import { summarise } from '../support/statistics.js';
import type { BenchServer } from './servers.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 40);
const CALLS = 150;

async function main(): Promise<void> {
  const worker = await startWorker(fileURLToPath(new URL('servers.ts', import.meta.url)));
  const [server] = await worker.call<BenchServer[]>('start', 1);
  const { url, certificatePem } = server as BenchServer;
  const store = createCertificateStore({
    keys: [{ id: 'k1', key: randomBytes(32) }],
    storage: new Map(),
    whenEmpty: 'create',
  });
  const registry = createServerRegistry({ store });
  const trust = { ca: certificatePem, authority: false };
  await registry.register('a', url, { trust });
  const clientFactory = makeCustomClientFactory(trust);

  const byFactory = await connect(streamableHttpClient(url, { clientFactory }));
  const byRegistry = await connect(await registry.streamableHttpClient('a'));
  await compare('MCP SDK v1, tools/call', {
    factory: () => call(byFactory),
    registry: () => call(byRegistry),
  });
  const [direct, live] = [clientFactory({ url }), (await registry.clientFactory('a'))()];
  await compare('POST of 100 bytes', {
    factory: () => post(direct, url),
    registry: () => post(live, url),
  });

  await Promise.all([byFactory.close(), byRegistry.close()]);
  await registry.close();
  await store.close();
  await clientFactory.close();
  await worker.kill();
}

async function connect(transport: Parameters<Client['connect']>[0]): Promise<Client> {
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(transport);
  return client;
}

const call = (client: Client): Promise<unknown> => client.callTool({ name: 'x', arguments: {} });

const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } });
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

async function post(fetch: typeof globalThis.fetch, url: string): Promise<unknown> {
  return (await fetch(url, { method: 'POST', headers: HEADERS, body: BODY })).text();
}

async function compare(
  what: string,
  tasks: Readonly<Record<'factory' | 'registry', () => Promise<unknown>>>,
): Promise<void> {
  const contenders = new Map(
    Object.entries(tasks).map(([name, task]) => [name, () => cpuOf(task)] as const),
  );
  await interleave(contenders, 4);
  const results = await interleave(contenders, ROUNDS);
  const of = (name: string) => summarise(results.get(name) ?? []);
  const ratios = (results.get('registry') ?? []).map(
    (value, i) => value / (results.get('factory')?.[i] ?? Number.NaN),
  );
  const ratio = summarise(ratios);
  console.log(
    `${what}: factory ${of('factory').median.toFixed(1)} us, registry ${of('registry').median.toFixed(1)} us; ` +
      `ratio of each round ${ratio.median.toFixed(3)} (quartiles ${ratio.q1.toFixed(3)} to ${ratio.q3.toFixed(3)})`,
  );
}

/** @returns microseconds of CPU a call */
async function cpuOf(task: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) await task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

await main();
