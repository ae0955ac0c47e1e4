import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses, type TaskProcess } from '../support/start-process.js';
import { findHttpx, HTTPX_CONTENDERS, startHttpx } from './httpx.js';
import type { OpenInput } from './process.js';
import { SDKS, type Sdk } from './sdk-clients.js';

const FORMS = ['json', 'sse'] as const;
type Form = (typeof FORMS)[number];

const BASE = 'undici-fetch';
const CONTENDERS = [
  'mcp-tls',
  'mcp-tls-transport',
  BASE,
  'global-fetch',
  'node-https',
  'axios',
  'got',
  'node-fetch',
  'new-client',
  'undici-request',
  'sdk-in-memory',
];
/** What quick runs are content with: what the targets are made of. */
const FEW = ['mcp-tls', 'mcp-tls-transport', BASE, 'undici-request', 'sdk-in-memory'];

/** `tools/call` over the MCP SDKs: CPU time of the client's process, and sequential latency. */
export async function runCalls(options: PartOptions): Promise<readonly Series[]> {
  const series: Series[] = [];
  for (const sdk of SDKS) {
    for (const form of FORMS) series.push(...(await runCallsOver(sdk, form, options)));
  }
  return series;
}

/** Over one SDK, with one form of answers. */
export async function runCallsOver(
  sdk: Sdk,
  form: Form,
  options: PartOptions,
): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const { warmUp, rounds, calls } = quick
    ? { warmUp: 20, rounds: options.rounds ?? 3, calls: 50 }
    : { warmUp: 600, rounds: options.rounds ?? 15, calls: 200 };
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const { origin, ca } = await server.call<ServerAddress>('start');
  // No SDK is behind it: once is enough, beside what most gateways use.
  const python = sdk === 'v1' && form === 'json' ? await findHttpx() : undefined;
  const batches = new Map<string, () => Promise<CallCost>>();
  const add = async (contender: string, process: TaskProcess, warmUp: number, calls: number) => {
    const input: OpenInput = { contender, sdk, ca, url: `${origin}/mcp/${form}` };
    await process.call('open', input);
    await process.call('batch', warmUp);
    batches.set(contender, () => process.call<CallCost>('batch', calls));
  };
  for (const contender of quick ? FEW : CONTENDERS) {
    // A call in memory takes some 20 µs: a batch of a few milliseconds would measure the batch.
    const times = contender === 'sdk-in-memory' ? 10 : 1;
    await add(contender, processes.start('calls', { binary }), warmUp * times, calls * times);
  }
  if (python !== undefined && !quick) {
    for (const contender of HTTPX_CONTENDERS) {
      // Fewer: nothing is compiled while it runs, and a call may take 40 ms.
      await add(contender, startHttpx(processes, python), 20, 40);
    }
  }
  const costs = await interleave(batches, rounds);
  const subject = `SDK ${sdk}, ${form === 'json' ? 'JSON' : 'SSE'} answer`;
  const head = { unit: 'µs', bases: [BASE, 'floor'] };
  const id = `calls.${sdk}.${form}`;
  const title = `client CPU per tools/call, ${subject}`;
  return [
    makeSeries(
      { ...head, id: `${id}.cpu`, title },
      withFloor(costs, ({ cpuUs }) => cpuUs),
    ),
    makeSeries(
      { ...head, id: `${id}.latency`, title: `sequential latency of tools/call, ${subject}` },
      withFloor(costs, ({ latencyUs }) => latencyUs),
    ),
  ];
}

/** The floor: `undici.request` alone and the SDK in memory, each measured apart, added by round. */
function withFloor(
  costs: ReadonlyMap<string, readonly CallCost[]>,
  figure: (cost: CallCost) => number,
): ReadonlyMap<string, readonly number[]> {
  const rounds = new Map([...costs].map(([id, batches]) => [id, batches.map(figure)]));
  const memory = rounds.get('sdk-in-memory') ?? [];
  const floor = rounds.get('undici-request')?.map((value, round) => value + (memory[round] ?? 0));
  return floor === undefined ? rounds : rounds.set('floor', floor);
}
