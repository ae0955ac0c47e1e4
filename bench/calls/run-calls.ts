import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses, type Processes } from '../support/start-process.js';
import { findHttpx, HTTPX_CONTENDERS, startHttpx } from './httpx.js';
import { makeOpenContender, type OpenContender, openSetting } from './open-setting.js';
import type { OpenInput } from './process.js';
import { SDKS, type Sdk } from './sdk-clients.js';
import { ALONE, BASE, FEW, FORMS, type Form, FURTHER_SETTINGS, type Setting } from './settings.js';

/** Other HTTP libraries, which differ over SDK v2 as they do over v1. */
const OTHERS = ['global-fetch', 'axios', 'got', 'node-fetch', 'new-client'];

/** `tools/call` over the MCP SDKs: CPU time of the client's process, and sequential latency. */
export async function runCalls(options: PartOptions): Promise<readonly Series[]> {
  const series: Series[] = [];
  for (const sdk of SDKS) {
    for (const form of FORMS) series.push(...(await runCallsOver(sdk, form, options)));
  }
  for (const setting of FURTHER_SETTINGS) {
    for (const form of FORMS) series.push(...(await runCallsOver('v1', form, options, setting)));
  }
  return series;
}

/** Over one SDK, with one form of answers, in one setting. */
export async function runCallsOver(
  sdk: Sdk,
  form: Form,
  options: PartOptions,
  setting: Setting = ALONE,
): Promise<readonly Series[]> {
  await using processes = makeProcesses();
  const costs = await interleave(
    await openBatches(processes, { sdk, form, setting }, options),
    options.rounds ?? (options.quick ? 3 : 7),
  );
  const alone = setting === ALONE;
  const answer = `SDK ${sdk}, ${form === 'json' ? 'JSON' : 'SSE'} answer`;
  const subject = alone ? answer : `${answer}, ${setting.text}`;
  const head = { unit: 'µs', bases: costs.has('undici-request') ? [BASE, 'floor'] : [BASE] };
  const id = alone ? `calls.${sdk}.${form}` : `calls.${sdk}.${form}.${setting.name}`;
  const cpu = makeSeries(
    { ...head, id: `${id}.cpu`, title: `client CPU per tools/call, ${subject}` },
    withFloor(costs, ({ cpuUs }) => cpuUs),
  );
  // Among many calls, the time of one is mostly that of the others.
  if (setting.atOnce > 1) return [cpu];
  return [
    cpu,
    makeSeries(
      { ...head, id: `${id}.latency`, title: `sequential latency of tools/call, ${subject}` },
      withFloor(costs, ({ latencyUs }) => latencyUs),
    ),
  ];
}

interface What {
  readonly sdk: Sdk;
  readonly form: Form;
  readonly setting: Setting;
}

/** Starts and warms up the contenders. */
async function openBatches(
  processes: Processes,
  { sdk, form, setting }: What,
  { binary, quick }: PartOptions,
): Promise<ReadonlyMap<string, () => Promise<CallCost>>> {
  // No target is about the others: they warm up for less long.
  const { warmUp, othersWarmUp, calls } = quick
    ? { warmUp: 20, othersWarmUp: 20, calls: 50 }
    : { warmUp: 3_000, othersWarmUp: 1_000, calls: 150 };
  const contenders = setting.contenders.filter(
    (one) => FEW.includes(one) || !(quick || (sdk === 'v2' && OTHERS.includes(one))),
  );
  const { opened, servers } = await openSetting(
    processes,
    { binary, form, sdk, setting },
    contenders,
  );
  const batches = new Map<string, () => Promise<CallCost>>();
  const add = async ({ batch, contender }: OpenContender, times: number) => {
    const isOurs = contender.startsWith('mcp-tls');
    await batch(Math.ceil((isOurs || FEW.includes(contender) ? warmUp : othersWarmUp) * times));
    batches.set(contender, () => batch(Math.ceil(calls * times)));
  };
  for (const one of opened) await add(one, BATCH_TIMES[one.contender] ?? 1);
  // No SDK is behind it: once is enough, beside what most gateways use.
  if (setting === ALONE && sdk === 'v1' && form === 'json' && !quick) {
    const python = await findHttpx();
    if (python === undefined) return batches;
    for (const contender of HTTPX_CONTENDERS) {
      const process = startHttpx(processes, python);
      await process.call('open', { contender, sdk, servers } satisfies OpenInput);
      await add(makeOpenContender(process, contender, 1), BATCH_TIMES['httpx'] ?? 1);
    }
  }
  return batches;
}

/** Batches that would last too long, or not long enough, with as many calls as the others. */
const BATCH_TIMES: Readonly<Record<string, number>> = {
  // Some 10 µs a call: a batch of a few milliseconds would measure the batch.
  'sdk-in-memory': 10,
  // Each with a handshake.
  'new-client': 0.1,
  // A call may take 40 ms, and nothing is compiled while it runs.
  httpx: 0.05,
};

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
