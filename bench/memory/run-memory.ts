import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses, type TaskProcess } from '../support/start-process.js';
import type { HeldMemory, HoldInput, OpenInput } from './process.js';

const CONTENDERS = ['mcp-tls', 'undici-agent'];

/** Servers of one process: those before `from` are not counted. */
interface Figure {
  readonly id: string;
  readonly title: string;
  readonly from: number;
  readonly to: number;
}

interface State {
  readonly state: OpenInput['state'];
  /** The server's task that makes them. */
  readonly servers: 'makeCertificates' | 'startMany';
  /** One after the other, in the same process. The first servers load and compile what all need once. */
  readonly figures: readonly Figure[];
}

const STATES: readonly State[] = [
  {
    state: 'made',
    servers: 'makeCertificates',
    figures: [{ id: 'made', title: 'a server registered', from: 1_000, to: 10_000 }],
  },
  {
    state: 'used',
    servers: 'startMany',
    figures: [
      { id: 'used', title: 'a server used once, idle', from: 50, to: 500 },
      // By then V8 has made its heap as large as it makes it for such work.
      { id: 'further', title: 'a further one, after 1,000', from: 1_000, to: 2_000 },
    ],
  },
  {
    state: 'connected',
    servers: 'startMany',
    figures: [{ id: 'connected', title: 'an open connection', from: 50, to: 500 }],
  },
];

/** Memory of many servers, each with a certificate and a port of its own. */
export async function runMemory(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  // Each is the mean of hundreds of servers.
  const rounds = options.rounds ?? 1;
  const series: Series[] = [];
  for (const { servers: task, state, figures: all } of STATES) {
    const figures = quick ? all.map(tenth) : all;
    await using processes = makeProcesses();
    const server = processes.start('server', { binary });
    const servers = await server.call<ServerAddress[]>(task, figures.at(-1)?.to);
    const held = await interleave(
      new Map(
        CONTENDERS.map((contender) => [
          contender,
          () => hold({ contender, state, servers }, figures, binary),
        ]),
      ),
      rounds,
    );
    figures.forEach(({ id, title }, i) => {
      const figure = (pick: (memory: HeldMemory) => number) =>
        new Map(
          [...held].map(([contender, rounds]) => [
            contender,
            rounds.map((one) => pick(one[i] as HeldMemory) / 1_024),
          ]),
        );
      // An Agent is no registration: only what connects can be compared.
      const head = { unit: 'KB', bases: state === 'connected' ? ['undici-agent'] : [] };
      series.push(
        makeSeries(
          { ...head, id: `memory.${id}.rss`, title: `RSS of ${title}` },
          figure(({ rssPerServer }) => rssPerServer),
        ),
        makeSeries(
          { ...head, id: `memory.${id}.heap`, title: `held by JavaScript of ${title}` },
          figure(({ heapPerServer }) => heapPerServer),
        ),
        makeSeries(
          { ...head, id: `memory.${id}.rest`, title: `RSS besides that, of ${title}` },
          figure(({ heapPerServer, rssPerServer }) => rssPerServer - heapPerServer),
        ),
      );
    });
  }
  return series;
}

function tenth(figure: Figure): Figure {
  return { ...figure, from: figure.from / 10, to: figure.to / 10 };
}

async function hold(
  input: OpenInput,
  figures: readonly Figure[],
  binary: string,
): Promise<readonly HeldMemory[]> {
  await using processes = makeProcesses();
  const process: TaskProcess = processes.start('memory', { binary, nodeOptions: ['--expose-gc'] });
  await process.call('open', input);
  const add = (from: number, to: number) =>
    process.call<HeldMemory>('hold', { from, to } satisfies HoldInput);
  const held: HeldMemory[] = [];
  let at = 0;
  for (const { from, to } of figures) {
    await add(at, from);
    held.push(await add(from, to));
    at = to;
  }
  return held;
}
