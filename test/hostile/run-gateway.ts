/** A gateway of which every tenth server is hostile: what the others notice. */
import type { Latencies, Sample } from './gateway.js';
import type { GatewayServer } from './gateway-servers.js';
import { type Started, start } from './processes.js';

export interface GatewayRun {
  readonly minutes: number;
  readonly servers: number;
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
  { minutes, servers }: GatewayRun,
): Promise<number> {
  const hostileCount = Math.max(1, Math.round(servers / 10));
  const good = await startServers('good', servers - hostileCount);
  const hostile = await startServers('hostile', hostileCount);
  const hostileMs = minutes * 60_000;
  const times = [hostileMs * QUIET_PART, hostileMs].map(String);
  const where = [good.servers, hostile.servers].map((one) => JSON.stringify(one));
  const gateway = start(binary, 'gateway', [...times, ...where], ['--expose-gc']);
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
    ...judge(latencies, samples),
    ...(failures === 0 ? [] : ['errors that nobody caught']),
  ];
  for (const one of latencies) printLatencies(one);
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

function judge(latencies: readonly Latencies[], samples: readonly Sample[]): readonly string[] {
  const [quiet, loud] = latencies;
  if (quiet === undefined || loud === undefined) return ['the gateway ended early'];
  const faults: string[] = [];
  for (const part of ['p50', 'p99'] as const) {
    const most = Math.max(quiet[part] * MOST_LATENCY, quiet[part] + NOISE.latencyMs);
    if (!(loud[part] <= most)) faults.push(`${part} ${ms(loud[part])}, ${ms(quiet[part])} without`);
  }
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

function printSample({ phase, seconds, events, ...rest }: Sample): void {
  const { rssMb, heapMb, descriptors, sockets, cpuMs } = rest;
  const said = Object.entries(events).map(([type, count]) => `${type} ${count}`);
  console.log(
    `${`${seconds} s`.padStart(7)}  ${phase.padEnd(8)} RSS ${rssMb} MB  heap ${heapMb} MB  descriptors ${descriptors}  hostile sockets ${sockets}  CPU ${cpuMs} ms of 5,000  ${said.join(', ')}`,
  );
}

function printLatencies({ phase, calls, failed, p50, p99, worst }: Latencies): void {
  console.log(
    `${phase.padEnd(8)} ${calls} calls, ${failed} failed: p50 ${ms(p50)}, p99 ${ms(p99)}, the slowest ${ms(worst)}`,
  );
}
