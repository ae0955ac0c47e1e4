import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { OpenInput } from './process.js';

const CONTENDERS = [
  'mcp-tls',
  'undici-fetch',
  'global-fetch',
  'undici-request',
  'node-https',
  'axios',
  'got',
  'node-fetch',
];
const FEW = ['mcp-tls', 'undici-fetch', 'undici-request'];

/** Small POSTs without an SDK, 16 at a time. */
export async function runRaw(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const { warmUp, rounds, calls } = quick
    ? { warmUp: 200, rounds: options.rounds ?? 3, calls: 400 }
    : { warmUp: 5_000, rounds: options.rounds ?? 15, calls: 2_000 };
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const address = await server.call<ServerAddress>('start');
  const batches = new Map<string, () => Promise<CallCost>>();
  for (const contender of quick ? FEW : CONTENDERS) {
    const process = processes.start('raw', { binary });
    await process.call('open', { contender, ...address } satisfies OpenInput);
    await process.call('post', warmUp);
    batches.set(contender, () => process.call<CallCost>('post', calls));
  }
  const costs = await interleave(batches, rounds);
  const figure = (pick: (cost: CallCost) => number) =>
    new Map([...costs].map(([id, rounds]) => [id, rounds.map(pick)]));
  const head = { bases: ['undici-fetch', 'undici-request'] };
  return [
    makeSeries(
      { ...head, id: 'raw.throughput', title: 'small POST, 16 at a time', unit: 'requests/s' },
      figure(({ wallUs }) => 1_000_000 / wallUs),
    ),
    makeSeries(
      { ...head, id: 'raw.cpu', title: 'client CPU per small POST, 16 at a time', unit: 'µs' },
      figure(({ cpuUs }) => cpuUs),
    ),
  ];
}
