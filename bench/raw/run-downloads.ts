import type { ServerAddress } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { DownloadCost, DownloadInput, OpenInput } from './process.js';

const CONTENDERS = ['mcp-tls', 'undici-fetch', 'undici-request'];
const MB = 2 ** 20;

/** Before the answers that count: what a process of its own has read already. */
const READ_BEFORE: DownloadInput = { bytes: MB, times: 20, how: 'reader' };

/**
 * Whether memory is flat: the second such answer of a process must not need more than the first one left. A
 * new process grows to its working size whatever it reads.
 */
const FLAT: DownloadInput = { bytes: 400 * MB, times: 1, how: 'reader' };

const DOWNLOADS: readonly DownloadInput[] = [
  { bytes: MB, times: 100, how: 'reader' },
  { bytes: MB, times: 100, how: 'arrayBuffer' },
  { bytes: 100 * MB, times: 1, how: 'reader' },
  { bytes: 100 * MB, times: 1, how: 'arrayBuffer' },
  FLAT,
];

/** Large answers, read by the chunk and as a whole: throughput, CPU and memory. */
export async function runDownloads(options: PartOptions): Promise<readonly Series[]> {
  const series: Series[] = [];
  const downloads = DOWNLOADS.filter(({ how }) => !options.quick || how === 'reader');
  for (const input of downloads) series.push(...(await runOne(input, options)));
  return series;
}

async function runOne(input: DownloadInput, options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  // Memory hardly differs from round to round; the throughput that targets are about does.
  const ownRounds = input === FLAT ? 1 : input.how === 'reader' ? 3 : 2;
  const rounds = options.rounds ?? (quick ? 1 : ownRounds);
  await using servers = makeProcesses();
  const address = await servers.start('server', { binary }).call<ServerAddress>('start');
  const batches = new Map(
    CONTENDERS.map((contender) => [contender, () => downloadOnce({ contender, ...address })]),
  );

  /** In a new process, whose memory has not grown by the round before. */
  async function downloadOnce(open: OpenInput): Promise<DownloadCost> {
    await using processes = makeProcesses();
    const process = processes.start('raw', { binary, nodeOptions: ['--expose-gc'] });
    await process.call('open', open);
    await process.call('download', input === FLAT ? FLAT : { ...READ_BEFORE, how: input.how });
    // Awaited here: the process ends with this block.
    return await process.call<DownloadCost>('download', input);
  }

  const costs = await interleave(batches, rounds);
  const figure = (pick: (cost: DownloadCost) => number) =>
    new Map([...costs].map(([id, rounds]) => [id, rounds.map(pick)]));
  const subject = `${input.bytes / MB} MB, ${input.how}`;
  const id = `downloads.${input.bytes / MB}.${input.how}`;
  const head = { bases: ['undici-fetch'] };
  return [
    makeSeries(
      { ...head, id: `${id}.throughput`, title: `answer of ${subject}`, unit: 'MB/s' },
      figure(({ mbPerSecond }) => mbPerSecond),
    ),
    makeSeries(
      { ...head, id: `${id}.cpu`, title: `client CPU, answer of ${subject}`, unit: 'ms/MB' },
      figure(({ cpuMsPerMb }) => cpuMsPerMb),
    ),
    makeSeries(
      { ...head, id: `${id}.memory`, title: `growth of RSS, answer of ${subject}`, unit: 'MB' },
      figure(({ rssGrowthMb }) => rssGrowthMb),
    ),
  ];
}
