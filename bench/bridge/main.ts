/**
 * What a call over `mcp-tls bridge` costs, beside the same call by a client that trusts the server itself.
 *
 *   npm run bench:bridge
 *
 * Time of `tools/call` by the MCP SDK v1, one after the other, over the built package, in turns. Server, client and
 * each bridge are processes of their own. Prints medians over the rounds, and the ratios of each round.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { streamableHttpClient } from 'mcp-tls';
import { printTable } from '../../scripts/table.js';
import { startWorker } from '../../test/store/workers/start-worker.js';
import type { BenchServer } from '../registry/servers.js';
import { interleave } from '../support/interleave.js';
import { summarise } from '../support/statistics.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 40);
const CALLS = 100;
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

async function main(): Promise<void> {
  const worker = await startWorker(
    fileURLToPath(new URL('../registry/servers.ts', import.meta.url)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-bench-'));
  const [server] = await worker.call<BenchServer[]>('start', 1);
  const { url, certificatePem } = server as BenchServer;
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, certificatePem);
  const args = [CLI, 'bridge', url, '--ca', ca];
  const http = spawn(process.execPath, [...args, '--port', '0', '--json']);

  const clients = {
    direct: await connect(streamableHttpClient(url, { trust: certificatePem })),
    'bridge, http': await connect(new StreamableHTTPClientTransport(await urlOf(http))),
    'bridge, stdio': await connect(new StdioClientTransport({ command: process.execPath, args })),
  };
  await compare(clients);

  await Promise.all(Object.values(clients).map((client) => client.close()));
  http.kill('SIGTERM');
  await once(http, 'close');
  await worker.kill();
  await rm(folder, { recursive: true });
}

async function urlOf({ stdout }: ChildProcess): Promise<URL> {
  const [line] = (await once(stdout as NonNullable<typeof stdout>, 'data')) as [Buffer];
  return new URL(JSON.parse(line.toString()).url);
}

async function connect(transport: unknown): Promise<Client> {
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(transport as Transport);
  return client;
}

async function compare(clients: Readonly<Record<string, Client>>): Promise<void> {
  const contenders = new Map(
    Object.entries(clients).map(([name, client]) => [name, () => timeOf(client)] as const),
  );
  await interleave(contenders, 4);
  const results = await interleave(contenders, ROUNDS);
  const direct = results.get('direct') ?? [];
  const rows = [...results].map(([name, times]) => {
    const ratio = summarise(times.map((time, i) => time / (direct[i] ?? Number.NaN)));
    const { median, q1, q3 } = summarise(times);
    return [
      name,
      median.toFixed(0),
      `${q1.toFixed(0)} to ${q3.toFixed(0)}`,
      ratio.median.toFixed(2),
      `${ratio.q1.toFixed(2)} to ${ratio.q3.toFixed(2)}`,
    ];
  });
  printTable(['tools/call', 'us', 'quartiles', 'of direct', 'quartiles'], rows);
}

/** @returns microseconds a call */
async function timeOf(client: Client): Promise<number> {
  const before = performance.now();
  for (let i = 0; i < CALLS; i++) await client.callTool({ name: 'x', arguments: {} });
  return ((performance.now() - before) * 1_000) / CALLS;
}

await main();
