import type { ServerAddress, ServerCounts } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { OpenInput } from './process.js';

const CONTENDERS = ['ca-only', 'ca-and-roots', 'undici-ca-only', 'undici-ca-and-roots'];

/** New connections, each with a full handshake: one CA alone, and the public roots besides. */
export async function runConnect(options: PartOptions): Promise<readonly Series[]> {
  return [
    await runOne(
      { id: 'connect.cpu', title: 'client CPU for a new connection and a request', anew: false },
      options,
    ),
    await runOne(
      { id: 'connect.first', title: 'the same, over a new factory or Agent each', anew: true },
      options,
    ),
  ];
}

async function runOne(
  { anew, id, title }: { readonly id: string; readonly title: string; readonly anew: boolean },
  options: PartOptions,
): Promise<Series> {
  const { binary, quick } = options;
  const { warmUp, rounds, calls } = quick
    ? { warmUp: 5, rounds: options.rounds ?? 3, calls: 10 }
    : { warmUp: 100, rounds: options.rounds ?? 15, calls: 40 };
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const { ca, origin } = await server.call<ServerAddress>('start');
  const batches = new Map<string, () => Promise<CallCost>>();
  for (const contender of CONTENDERS) {
    const process = processes.start('connect', { binary });
    await process.call('open', { contender, ca, origin, anew } satisfies OpenInput);
    await process.call('batch', warmUp);
    batches.set(contender, () => process.call<CallCost>('batch', calls));
  }
  const costs = await interleave(batches, rounds);
  const { handshakes, requests, resumed } = await server.call<ServerCounts>('takeCounts');
  if (resumed > 0 || handshakes !== requests) {
    throw new Error(`${handshakes} handshakes for ${requests} requests, ${resumed} resumed`);
  }
  const figures = new Map(
    [...costs].map(([one, rounds]) => [one, rounds.map(({ cpuUs }) => cpuUs)]),
  );
  return makeSeries({ id, title, unit: 'µs', bases: ['ca-only'] }, figures);
}
