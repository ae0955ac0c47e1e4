import type { ServerCounts } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { OpenInput } from './process.js';
import { startServers } from './start-servers.js';

interface Figure {
  readonly id: string;
  readonly title: string;
  /** See {@link OpenInput.anew}. */
  readonly anew: boolean;
  readonly bases: readonly string[];
  readonly contenders: readonly string[];
}

const FIGURES: readonly Figure[] = [
  {
    id: 'connect.cpu',
    title: 'client CPU for a new connection and a request',
    anew: false,
    // Node.js's TLS, by what the context holds.
    bases: ['tls-connect', 'tls-connect-crl', 'tls-connect-own', 'ca-only'],
    contenders: [
      'tls-connect',
      'ca-only',
      'ca-and-pins',
      'ca-and-roots',
      'undici-ca-only',
      'undici-ca-and-roots',
      'https-ca-only',
      'tls-connect-crl',
      'ca-and-crl',
      'tls-connect-own',
      'own-certificate',
    ],
  },
  {
    id: 'connect.first',
    title: 'the same, over a new factory or Agent each',
    anew: true,
    bases: ['ca-only'],
    contenders: ['ca-only', 'ca-and-roots', 'undici-ca-only', 'undici-ca-and-roots'],
  },
];

/** Batches with fewer connections: reading all roots for each takes some 30 ms. */
const BATCH_TIMES: Readonly<Record<string, number>> = { 'undici-ca-and-roots': 0.2 };

/** Other clients of HTTP. No target is about them: they warm up for less long. */
const OTHERS = ['undici-ca-only', 'undici-ca-and-roots', 'https-ca-only'];

/** New connections, each with a full handshake. */
export async function runConnect(options: PartOptions): Promise<readonly Series[]> {
  const series: Series[] = [];
  for (const figure of FIGURES) series.push(await runOne(figure, options));
  return series;
}

async function runOne(
  { anew, bases, contenders, id, title }: Figure,
  options: PartOptions,
): Promise<Series> {
  const { binary, quick } = options;
  const { warmUp, othersWarmUp, rounds, calls } = quick
    ? { warmUp: 5, othersWarmUp: 5, rounds: options.rounds ?? 3, calls: 10 }
    : { warmUp: 1_200, othersWarmUp: 200, rounds: options.rounds ?? 11, calls: 30 };
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const servers = await startServers(server);
  const open = async (contender: string) => {
    const process = processes.start('connect', { binary });
    await process.call('open', { ...servers, contender, anew } satisfies OpenInput);
    return { contender, process };
  };
  const batches = new Map<string, () => Promise<CallCost>>();
  for (const { contender, process } of await Promise.all(contenders.map(open))) {
    const batch = (count: number) =>
      process.call<CallCost>('batch', Math.ceil(count * (BATCH_TIMES[contender] ?? 1)));
    await batch(anew || OTHERS.includes(contender) ? othersWarmUp : warmUp);
    batches.set(contender, () => batch(calls));
  }
  const costs = await interleave(batches, rounds);
  const { handshakes, requests, resumed } = await server.call<ServerCounts>('takeCounts');
  if (resumed > 0 || handshakes !== requests) {
    throw new Error(`${handshakes} handshakes for ${requests} requests, ${resumed} resumed`);
  }
  const figures = new Map(
    [...costs].map(([one, rounds]) => [one, rounds.map(({ cpuUs }) => cpuUs)]),
  );
  return makeSeries({ id, title, unit: 'µs', bases }, figures);
}
