/** A gateway of which every tenth server is hostile: what the others notice. */
import type { Latencies, Sample } from './gateway.js';
import type { GatewayServer } from './gateway-servers.js';
import { type Started, start } from './processes.js';

export interface GatewayRun {
  readonly minutes: number;
  readonly servers: number;
  /** Collects garbage before each sample, to see what is kept; latencies say nothing then. */
  readonly memory?: boolean;
}

/** How long each hostile server keeps to one behaviour. */
const TURN_MS = 7_000;
/** Of the run without calls to hostile servers, before. */
const QUIET_PART = 0.25;

/** Latency against the run without, and growth between the first and the last third. */
const MOST_LATENCY = 1.5;
const MOST_GROWTH = 1.2;
/** Milliseconds and megabytes and descriptors that are the machine's. */
const NOISE = { latencyMs: 2, rssMb: 40, descriptors: 60 };

/** Runs it and prints it. @returns how many of the demands are not met */
export async function runGateway(
  binary: string,
  { minutes, servers, memory = false }: GatewayRun,
): Promise<number> {
  const hostileCount = Math.max(1, Math.round(servers / 10));
  const good = await startServers('good', servers - hostileCount);
  const hostile = await startServers('hostile', hostileCount);
  const hostileMs = minutes * 60_000;
  const times = [hostileMs * QUIET_PART, hostileMs].map(String);
  const where = [good.servers, hostile.servers].map((one) => JSON.stringify(one));
  // At the same moment of each turn.
  const collectEvery = memory ? [String(TURN_MS)] : [];
  const gateway = start(binary, 'gateway', [...times, ...where, ...collectEvery], ['--expose-gc']);
  console.log(
    `${servers - hostileCount} good servers and ${hostileCount} hostile ones, ${minutes} minutes; 50 calls a second to the good ones`,
  );
  const samples: Sample[] = [];
  const latencies: Latencies[] = [];
  let failures = 1;
  try {
    for (;;) {
      const line = JSON.parse(await gateway.line()) as Sample | Latencies | { failures: number };
      if ('rssMb' in line) {
        samples.push(line);
        printSample(line);
      } else if ('p50' in line) latencies.push(line);
      else {
        failures = line.failures;
        break;
      }
    }
  } finally {
    for (const { child } of [gateway, good.started, hostile.started]) child.kill();
  }
  const faults = [
    ...(memory ? [] : judgeLatencies(latencies)),
    ...judge(latencies, samples),
    ...(failures === 0 ? [] : ['errors that nobody caught']),
  ];
  for (const one of latencies) printLatencies(one);
  printSlopes(samples);
  if (memory) printLeft(samples);
  for (const fault of faults) console.log(`WORSE: ${fault}`);
  if (faults.length === 0) console.log('the good servers did not notice');
  return faults.length;
}

async function startServers(
  which: 'good' | 'hostile',
  count: number,
): Promise<{ started: Started; servers: readonly GatewayServer[] }> {
  const args = [which, String(count), String(TURN_MS)];
  const started = start(process.execPath, 'gateway-servers', args);
  return { started, servers: JSON.parse(await started.line()) };
}

function judgeLatencies([quiet, loud]: readonly Latencies[]): readonly string[] {
  const faults: string[] = [];
  if (quiet === undefined || loud === undefined) return faults;
  for (const part of ['p50', 'p99'] as const) {
    const most = Math.max(quiet[part] * MOST_LATENCY, quiet[part] + NOISE.latencyMs);
    if (!(loud[part] <= most)) faults.push(`${part} ${ms(loud[part])}, ${ms(quiet[part])} without`);
  }
  return faults;
}

function judge([, loud]: readonly Latencies[], samples: readonly Sample[]): readonly string[] {
  if (loud === undefined) return ['the gateway ended early'];
  const faults: string[] = [];
  if (loud.failed > 0) faults.push(`${loud.failed} calls to good servers failed`);
  const during = samples.filter(({ phase }) => phase === 'hostile');
  const third = Math.ceil(during.length / 3);
  for (const what of ['rssMb', 'descriptors'] as const) {
    const most = (some: readonly Sample[]): number => Math.max(...some.map((one) => one[what]));
    const [first, last] = [most(during.slice(0, third)), most(during.slice(-third))];
    if (last > Math.max(first * MOST_GROWTH, first + NOISE[what])) {
      faults.push(`${what} grew from ${first} to ${last}`);
    }
  }
  return faults;
}

const ms = (value: number): string => `${value.toFixed(2)} ms`;

/** The first turns, in which pools, sessions and what is compiled come into being. */
const WARM_UP_SECONDS = 30;

/** The line through the samples: its slope for each minute, and the standard error of that. */
function slopeOf(samples: readonly Sample[], what: Growing): { slope: number; error: number } {
  const points = samples.map((one) => [one.seconds / 60, one[what]] as const);
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  const slope = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
  const rest = points.reduce((sum, [at, value]) => sum + (value - y - slope * (at - x)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (points.length - 2) / spread) };
}

const GROWING = ['rssMb', 'heapMb', 'heapTotalMb', 'externalMb', 'descriptors', 'sockets'] as const;
type Growing = (typeof GROWING)[number];

function printSlopes(samples: readonly Sample[]): void {
  const hostile = samples.filter(({ phase }) => phase === 'hostile');
  const begin = (hostile[0]?.seconds ?? 0) + WARM_UP_SECONDS;
  const steady = hostile.filter(({ seconds }) => seconds >= begin);
  if (steady.length < 4) return;
  const said = GROWING.map((what) => {
    const { slope, error } = slopeOf(steady, what);
    return `${what} ${slope.toFixed(2)} ± ${error.toFixed(2)}`;
  });
  console.log(`a minute, after the first ${WARM_UP_SECONDS} s: ${said.join(', ')}`);
}

/** What is there before and after, in the median of the last samples of each. */
function printLeft(samples: readonly Sample[]): void {
  const said = GROWING.map((what) => {
    const [before, after] = (['quiet', 'after'] as const).map((wanted) => {
      const last = samples.filter(({ phase }) => phase === wanted).slice(-3);
      return last.map((one) => one[what]).sort((a, b) => a - b)[1] ?? Number.NaN;
    });
    return `${what} ${before} and ${after}`;
  });
  console.log(`before the hostile servers and a minute after them: ${said.join(', ')}`);
}

function printSample({ phase, seconds, events, ...rest }: Sample): void {
  const { rssMb, heapMb, heapTotalMb, externalMb, descriptors, sockets, cpuMs } = rest;
  const said = Object.entries(events).map(([type, count]) => `${type} ${count}`);
  console.log(
    `${`${seconds} s`.padStart(7)}  ${phase.padEnd(8)} RSS ${rssMb} MB  heap ${heapMb} of ${heapTotalMb} MB  external ${externalMb} MB  descriptors ${descriptors}  hostile sockets ${sockets}  CPU ${cpuMs} ms  ${said.join(', ')}`,
  );
}

function printLatencies({ phase, calls, failed, p50, p99, worst }: Latencies): void {
  console.log(
    `${phase.padEnd(8)} ${calls} calls, ${failed} failed: p50 ${ms(p50)}, p99 ${ms(p99)}, the slowest ${ms(worst)}`,
  );
}
