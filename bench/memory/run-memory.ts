import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses, type TaskProcess } from '../support/start-process.js';
import type { HeldMemory, HoldInput } from './process.js';

const CONTENDERS = ['mcp-tls', 'undici-agent'];
const STATES = [
  { state: 'made', title: 'a server registered', count: 10_000, servers: 'makeCertificates' },
  { state: 'used', title: 'a server used once, idle', count: 500, servers: 'startMany' },
  { state: 'connected', title: 'an open connection', count: 500, servers: 'startMany' },
] as const;

/** Memory of many servers, each with a certificate and a port of its own. */
export async function runMemory(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const rounds = options.rounds ?? (quick ? 1 : 2);
  const series: Series[] = [];
  for (const { count, servers: task, state, title } of STATES) {
    await using processes = makeProcesses();
    const server = processes.start('server', { binary });
    const servers = await server.call<ServerAddress[]>(task, quick ? 100 : count);
    const held = await interleave(
      new Map(
        CONTENDERS.map((contender) => [
          contender,
          () => hold({ contender, state, servers }, binary),
        ]),
      ),
      rounds,
    );
    const figure = (pick: (memory: HeldMemory) => number) =>
      new Map([...held].map(([id, rounds]) => [id, rounds.map((one) => pick(one) / 1_024)]));
    // An Agent is no registration: only what connects can be compared.
    const head = { unit: 'KB', bases: state === 'connected' ? ['undici-agent'] : [] };
    series.push(
      makeSeries(
        { ...head, id: `memory.${state}.rss`, title: `RSS of ${title}` },
        figure(({ rssPerServer }) => rssPerServer),
      ),
      makeSeries(
        { ...head, id: `memory.${state}.heap`, title: `held by JavaScript of ${title}` },
        figure(({ heapPerServer }) => heapPerServer),
      ),
      makeSeries(
        { ...head, id: `memory.${state}.rest`, title: `RSS besides that, of ${title}` },
        figure(({ heapPerServer, rssPerServer }) => rssPerServer - heapPerServer),
      ),
    );
  }
  return series;
}

async function hold(input: HoldInput, binary: string): Promise<HeldMemory> {
  await using processes = makeProcesses();
  const process: TaskProcess = processes.start('memory', { binary, nodeOptions: ['--expose-gc'] });
  // Awaited here: the process ends with this block.
  return await process.call<HeldMemory>('hold', input);
}
