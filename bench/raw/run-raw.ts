import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { OpenInput, PostInput } from './process.js';

/** What the targets are made of. */
const FEW = ['mcp-tls', 'undici-fetch', 'undici-request', 'undici-dispatch'];
const CONTENDERS = [...FEW, 'global-fetch', 'node-https', 'axios', 'got', 'node-fetch'];

/** Small POSTs without an SDK: 16 at a time over every library, 1 and 64 over few. */
export async function runRaw(options: PartOptions): Promise<readonly Series[]> {
  return [
    ...(await runAtOnce(16, options.quick ? FEW : CONTENDERS, options)),
    ...(await runAtOnce(1, FEW, options)),
    ...(await runAtOnce(64, FEW, options)),
  ];
}

async function runAtOnce(
  atOnce: number,
  contenders: readonly string[],
  options: PartOptions,
): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const { warmUp, rounds, calls } = quick
    ? { warmUp: 200, rounds: options.rounds ?? 3, calls: 400 }
    : { warmUp: 8_000, rounds: options.rounds ?? 9, calls: 800 };
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const address = await server.call<ServerAddress>('start');
  const open = async (contender: string) => {
    const process = processes.start('raw', { binary });
    await process.call('open', { contender, ...address } satisfies OpenInput);
    return { contender, process };
  };
  const batches = new Map<string, () => Promise<CallCost>>();
  for (const { contender, process } of await Promise.all(contenders.map(open))) {
    const post = (count: number) =>
      process.call<CallCost>('post', { atOnce, count } satisfies PostInput);
    // No target is about the others.
    const hasTarget = FEW.includes(contender);
    await post(hasTarget ? warmUp : warmUp / 10);
    batches.set(contender, () => post(hasTarget ? calls : calls / 4));
  }
  const costs = await interleave(batches, rounds);
  const figure = (pick: (cost: CallCost) => number) =>
    new Map([...costs].map(([id, rounds]) => [id, rounds.map(pick)]));
  const head = { bases: ['undici-fetch', 'undici-request', 'undici-dispatch'] };
  const id = atOnce === 16 ? 'raw' : `raw.at${atOnce}`;
  const how = `${atOnce} at a time`;
  return [
    makeSeries(
      { ...head, id: `${id}.throughput`, title: `small POST, ${how}`, unit: 'requests/s' },
      figure(({ wallUs }) => 1_000_000 / wallUs),
    ),
    makeSeries(
      { ...head, id: `${id}.cpu`, title: `client CPU per small POST, ${how}`, unit: 'µs' },
      figure(({ cpuUs }) => cpuUs),
    ),
  ];
}
