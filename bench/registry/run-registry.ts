import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { BatchInput, OpenInput, Way } from './process.js';

/** Contenders, and how their calls go. */
const WAYS: ReadonlyMap<string, Way> = new Map([
  ['through-factory', 'factory'],
  ['through-registry', 'registry'],
]);

const CALLS = [
  { id: 'json', call: 'tool', path: 'mcp/json', title: 'tools/call, SDK v1, JSON answer' },
  { id: 'sse', call: 'tool', path: 'mcp/sse', title: 'tools/call, SDK v1, SSE answer' },
  { id: 'post', call: 'post', path: 'echo', title: 'small POST without an SDK' },
] as const;

/** The same call through a factory and through a registry, over one connection each. */
export async function runRegistry(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const { warmUp, rounds, calls } = quick
    ? { warmUp: 50, rounds: options.rounds ?? 3, calls: 50 }
    : { warmUp: 1_000, rounds: options.rounds ?? 31, calls: 100 };
  const series: Series[] = [];
  for (const { call, id, path, title } of CALLS) {
    await using processes = makeProcesses();
    const server = processes.start('server', { binary });
    const { ca, origin } = await server.call<ServerAddress>('start');
    const process = processes.start('registry', { binary, nodeOptions: ['--expose-gc'] });
    await process.call('open', { ca, call, url: `${origin}/${path}` } satisfies OpenInput);
    const batchOf = (through: Way, count: number) =>
      process.call<CallCost>('batch', { through, count } satisfies BatchInput);
    for (const through of WAYS.values()) await batchOf(through, warmUp);
    const costs = await interleave(
      new Map([...WAYS].map(([contender, way]) => [contender, () => batchOf(way, calls)])),
      rounds,
    );
    const figures = new Map(
      [...costs].map(([one, rounds]) => [one, rounds.map(({ cpuUs }) => cpuUs)]),
    );
    const head = { unit: 'µs', bases: ['through-factory'] };
    series.push(
      makeSeries({ ...head, id: `registry.${id}.cpu`, title: `client CPU, ${title}` }, figures),
    );
  }
  return series;
}
